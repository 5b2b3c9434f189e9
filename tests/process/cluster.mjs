// A local cluster, run through the command line as a user would.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class Cluster {
  constructor({ binary, directory, size, port }) {
    Object.assign(this, { binary, directory, size, port });
    this.names = Array.from({ length: size }, (_, k) => `n${k + 1}`);
    this.ports = this.names.map((_, k) => port + 10 * k);
  }

  async command(...words) {
    try {
      const { stdout, stderr } = await run(this.binary, words, { timeout: 60000, maxBuffer: 1 << 28 });
      return { code: 0, stdout, stderr };
    } catch (error) {
      return { code: error.code ?? 1, stdout: error.stdout ?? '', stderr: error.stderr ?? String(error) };
    }
  }

  async must(...words) {
    const result = await this.command(...words);
    if (result.code !== 0) throw new Error(`fairlead ${words.join(' ')}: ${result.stderr || result.stdout}`);
    return result.stdout;
  }

  up() {
    return this.must('up', String(this.size), '--port', String(this.port), '--dir', this.directory);
  }

  down() {
    return this.command('down', '--dir', this.directory);
  }

  start(name) {
    return this.must('start', name, '--dir', this.directory);
  }

  async status() {
    const { stdout } = await this.command('status', '--dir', this.directory, '-o', 'json');
    try {
      return JSON.parse(stdout).nodes;
    } catch {
      return [];
    }
  }

  async node(name) {
    return (await this.status()).find((node) => node.name === name);
  }

  async leader() {
    return (await this.status()).find((node) => node.role === 'leader');
  }

  // Waits until every node answers and all have applied the same entry.
  async settle(seconds = 60) {
    const end = Date.now() + seconds * 1000;
    let nodes = [];
    while (Date.now() < end) {
      nodes = await this.status();
      const up = nodes.filter((node) => Number.isInteger(node.applied));
      if (up.length === this.size && up.every((n) => n.applied === up[0].applied && n.last === up[0].last))
        return nodes;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`the nodes did not become equal: ${JSON.stringify(nodes)}`);
  }
}

// A program that prints lines of JSON; resolves to their array.
export function runLines(program, words) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (part) => (text += part));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) return reject(new Error(`${program} exited with ${code}`));
      resolve(
        text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
      );
    });
  });
}
