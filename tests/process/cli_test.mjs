// `fairlead cli` and `fairlead bench` against three real nodes, with the leader stopped under each; and the prompt
// against a server that closes connections at the worst moments, where it can be counted what was sent twice.
//
// node cli_test.mjs BINARY [--port 21600]
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Cluster } from './cluster.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { port: { type: 'string', default: '21600' } },
});
const binary = positionals[0];
const directory = mkdtempSync(join(tmpdir(), 'fairlead-cli-'));
const cluster = new Cluster({ binary, directory: join(directory, 'data'), size: 3, port: Number(values.port) });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Runs the binary on the cluster; never throws.
function run(verb, ...words) {
  return new Promise((resolve) => {
    execFile(binary, [verb, '--dir', cluster.directory, ...words], (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}

// A session of `cli` fed by a pipe.
function session(...options) {
  const child = spawn(binary, ['cli', '--dir', cluster.directory, ...options]);
  const seen = { stdout: '', stderr: '' };
  child.stdout.on('data', (part) => (seen.stdout += part));
  child.stderr.on('data', (part) => (seen.stderr += part));
  seen.write = (line) => child.stdin.write(`${line}\n`);
  seen.end = () => child.stdin.end();
  seen.code = new Promise((resolve) => child.on('close', resolve));
  return seen;
}

async function stopLeader() {
  const { name } = await cluster.leader();
  await cluster.must('stop', name, '--dir', cluster.directory);
  return name;
}

// A server of our own: gives what arrives, but for PING, to `answer(socket, text)`.
async function serve(answer) {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      const text = bytes.toString();
      if (text.includes('PING')) socket.write('+PONG\r\n');
      else answer(socket, text);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: server.address().port, close };
}

async function bench(...words) {
  const result = await run('bench', '-o', 'json', ...words);
  try {
    return { ...result, report: JSON.parse(result.stdout) };
  } catch {
    throw new Error(`bench ${words.join(' ')} ended with ${result.code}: ${result.stderr}`);
  }
}

// What was acknowledged was done once; what is unknown, at most once.
function checkCounter(acknowledged, unknown, counted) {
  const message = `${acknowledged} acknowledged, ${unknown} unknown, ${counted} counted`;
  assert.ok(acknowledged <= counted && counted <= acknowledged + unknown, message);
}

async function checkSession(lines) {
  const code = await lines.code;
  const answers = lines.stdout.trim().split('\n');
  assert.match(lines.stderr, /n\d .* leads and is asked now/);
  assert.equal(answers.filter((line) => line === '-1').length, 200, `every read was answered: ${lines.stderr}`);
  const unknown = answers.filter((line) => line.startsWith('TIMEOUT')).length + lines.stderr.split('FL1050').length - 1;
  const numbers = answers.filter((line) => /^\d+$/.test(line)).map(Number);
  assert.ok(numbers.length > 150);
  assert.ok(numbers.every((number, k) => k === 0 || number > numbers[k - 1]));
  checkCounter(numbers.length, unknown, Number((await run('cli', 'GET', 'session')).stdout));
  assert.equal(code === 6, unknown > 0);
}

async function checkBench({ code, stderr, report }, stopped) {
  assert.match(stderr, new RegExp(`${stopped}: connection lost`));
  assert.match(stderr, /n\d leads, found after/);
  assert.ok(
    report.writes.longest_gap_ms >= 1 && report.writes.longest_gap_ms < 2000,
    `gap ${report.writes.longest_gap_ms} ms`,
  );
  assert.equal(code === 6, report.unknown > 0);
  checkCounter(
    report.writes.operations,
    report.unknown,
    Number((await run('cli', 'GET', 'bench:n:0000000000')).stdout),
  );
}

const tests = {
  async 'one command is answered, and the exit code is the kind of answer'() {
    assert.deepEqual(await run('cli', 'SET', 'a', '-1'), { code: 0, stdout: 'OK\n', stderr: '' });
    assert.equal((await run('cli', 'GET', 'a')).stdout, '-1\n');
    assert.equal((await run('cli', '-o', 'text', 'MGET', 'a', 'none')).stdout, '1) "-1"\n2) (nil)\n');
    assert.equal((await run('cli', '-o', 'json', 'MGET', 'a', 'none')).stdout, '["-1",null]\n');
    assert.equal((await run('cli', 'INCR', 'a', 'b')).code, 1);
    assert.equal((await run('cli', '--nothing')).code, 2);
  },

  async 'a session answers line by line, and quotes are those of redis-cli'() {
    const lines = session();
    for (const line of [
      'SET q "a\\x0ab"',
      'STRLEN q',
      "SET q 'it\\'s'",
      'GET q',
      '',
      'MULTI',
      'INCR n',
      'EXEC',
      'GET "q',
    ])
      lines.write(line);
    lines.end();
    assert.equal(await lines.code, 2);
    assert.equal(lines.stdout, "OK\n3\nOK\nit's\nOK\nQUEUED\n1\n");
    assert.match(lines.stderr, /FL1054/);
  },

  async 'a load test counts what it does and leaves no key behind'() {
    const before = (await run('cli', 'DBSIZE')).stdout;
    const { code, report } = await bench('--count', '3000', '--keys', '500', '--depth', '4', '--clients', '10');
    assert.equal(code, 0);
    assert.equal(report.writes.operations + report.reads.operations, 3000);
    assert.ok(report.writes.operations > 1200 && report.reads.operations > 1200);
    const { latency_us: latency } = report.writes;
    assert.ok(latency.p50 > 0 && latency.p50 <= latency.p99 && latency.p99 <= latency.max);
    assert.equal((await run('cli', 'DBSIZE')).stdout, before);
  },

  async 'a rate is kept, counters count, and --keep keeps them'() {
    const { code, report } = await bench(
      '--rate',
      '500',
      '--for',
      '1s',
      '--writes',
      '100',
      '--incr',
      '--keys',
      '1',
      '--keep',
    );
    assert.equal(code, 0);
    assert.ok(Math.abs(report.writes.operations - 500) <= 25, `${report.writes.operations} operations`);
    assert.equal((await run('cli', 'GET', 'bench:n:0000000000')).stdout, `${report.writes.operations}\n`);
    assert.equal((await run('cli', 'DEL', 'bench:n:0000000000')).stdout, '1\n');
  },

  async 'when the leader stops, a load test and a session go on, and nothing is written twice'() {
    const result = bench('--for', '3s', '--writes', '100', '--incr', '--keys', '1', '--keep', '--clients', '5');
    result.catch(() => {}); // Judged below.
    const lines = session();
    let stopped;
    for (let k = 0; k < 200; k++) {
      if (k === 80) stopped = stopLeader();
      lines.write('INCR session');
      lines.write('GET a');
      await sleep(10);
    }
    lines.end();
    await checkSession(lines);
    await checkBench(await result, await stopped);
    await cluster.start(await stopped);
  },

  async 'a write whose answer was lost is not sent again, a read is'() {
    const sent = [];
    const info = '*1\r\n*3\r\n$3\r\nget\r\n:2\r\n*1\r\n+readonly\r\n';
    const { port, close } = await serve((socket, text) => {
      const words = text.split('\r\n').filter((word) => /^[A-Z]/.test(word));
      sent.push(words[0]);
      if (words[0] === 'COMMAND') socket.write(words[2] === 'GET' ? info : '*1\r\n*-1\r\n');
      else if (sent.filter((word) => word === 'GET').length === 2) socket.write('$2\r\nok\r\n');
      else socket.destroy();
    });
    const node = ['--to', 'node', '--node', `127.0.0.1:${port}`];
    const written = await run('cli', ...node, 'SET', 'A', 'B');
    assert.equal(written.code, 6);
    assert.match(written.stderr, /outcome unknown.*\[FL1050\]/);
    assert.equal(sent.filter((word) => word === 'SET').length, 1);
    const read = await run('cli', ...node, 'GET', 'A');
    assert.equal(read.code, 0);
    assert.equal(read.stdout, 'ok\n');
    close();
  },

  async 'with a rate, what waits behind a stall is late since it was due'() {
    let stalls = false;
    let owed = 0;
    let served = 0;
    const { port, close } = await serve((socket, text) => {
      owed += text.split('*3\r\n').length - 1;
      if (stalls) return;
      const answer = () => {
        stalls = false;
        socket.write('+OK\r\n'.repeat(owed));
        owed = 0;
      };
      stalls = served++ === 20;
      setTimeout(answer, stalls ? 400 : 0);
    });
    const load = ['--writes', '100', '--rate', '200', '--for', '1s', '--clients', '1', '--keep'];
    const { code, report } = await bench('--to', 'node', '--node', `127.0.0.1:${port}`, ...load);
    assert.equal(code, 0);
    // 80 of 200 commands were due during the stall, and came 0 to 400 ms late.
    assert.ok(
      report.writes.latency_us.p90 > 150000 && report.writes.latency_us.max >= 399000,
      JSON.stringify(report.writes),
    );
    assert.ok(report.writes.longest_gap_ms >= 395, JSON.stringify(report.writes));
    close();
  },

  async 'a load test does not wait for ever for an answer'() {
    const { port, close } = await serve(() => {});
    const load = ['--writes', '100', '--for', '300ms', '--clients', '2', '--keep', '--timeout', '500ms'];
    const { code, report } = await bench('--to', 'node', '--node', `127.0.0.1:${port}`, ...load);
    assert.equal(code, 6);
    assert.deepEqual(report.errors, [{ word: 'no answer', outcome: 'unknown', writes: 2, reads: 0 }]);
    assert.equal(report.unknown, 2);
    close();
  },

  async 'on a terminal there is a prompt, completion, and a history without passwords'() {
    const home = mkdtempSync(join(directory, 'home-'));
    const command = `${binary} cli --dir ${cluster.directory}`;
    const env = { ...process.env, HOME: home, XDG_STATE_HOME: '', TERM: 'xterm' };
    const child = spawn('script', ['-qec', command, '/dev/null'], { env });
    let seen = '';
    child.stdout.on('data', (part) => (seen += part));
    const shows = async (text) => {
      for (let k = 0; k < 300 && !seen.includes(text); k++) await sleep(10);
      assert.ok(seen.includes(text), `"${text}" is not in: ${seen}`);
      seen = seen.slice(seen.indexOf(text) + text.length);
    };
    const type = (keys) => child.stdin.write(keys);
    await shows('leader> ');
    type('strl\t');
    await shows('strlen ');
    await shows('key'); // The hint.
    type('a\r');
    await shows('(integer) 2');
    await shows('leader> ');
    type('something\x03'); // Ctrl-C.
    await shows('leader> ');
    type('auth secret\r');
    await shows('(error) ERR AUTH');
    await shows('leader> ');
    type('help get\r');
    await shows('Get the value of a key');
    await shows('leader> ');
    type('strlen \u{65e5}\r'); // What is not ASCII is not lost.
    await shows('(integer) 0');
    await shows('leader> ');
    type('set letters "\u{65e5}\u{e9}"\r');
    await shows('OK');
    await shows('leader> ');
    assert.equal((await run('cli', 'GET', 'letters')).stdout, '\u{65e5}\u{e9}\n');
    type('\x04');
    await new Promise((resolve) => child.on('close', resolve));
    const history = readFileSync(join(home, '.fairlead_history'), 'latin1');
    assert.match(history, /strlen/);
    assert.doesNotMatch(history, /secret|something/);
    assert.equal(statSync(join(home, '.fairlead_history')).mode & 0o777, 0o600);
  },

  async 'a session knows which commands CLIENT REPLY leaves without an answer'() {
    const lines = session('-o', 'raw', '--timeout', '5s');
    const skip = ['client reply skip', 'echo skipped', 'echo heard'];
    const off = ['client reply off', 'echo silent', 'client reply skip', 'echo silent', 'client reply on'];
    for (const line of [...skip, ...off, 'echo again', 'client reply off', 'set last written']) lines.write(line);
    lines.end();
    assert.equal(await lines.code, 0);
    assert.equal(lines.stdout, 'heard\nOK\nagain\n');
    assert.equal((await run('cli', 'GET', 'last')).stdout, 'written\n');
  },

  async 'without a quorum both say so, and without any node too'() {
    await stopLeader();
    while (!(await cluster.leader())) await sleep(100);
    await stopLeader();
    const refused = await run('cli', 'SET', 'a', '1');
    assert.equal(refused.code, 3);
    assert.match(refused.stdout, /^CLUSTERDOWN/);
    assert.equal((await run('bench', '--for', '1s')).code, 3);
    await cluster.down();
    assert.equal((await run('cli', '--timeout', '1s', 'GET', 'a')).code, 4);
    assert.equal((await run('bench', '--timeout', '1s')).code, 4);
  },
};

let failed = 0;
try {
  await cluster.up();
  for (const [name, test] of Object.entries(tests)) {
    const begin = Date.now();
    try {
      await test();
      console.log(`ok      ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}\n${error.stack}`);
    }
  }
} finally {
  await cluster.down();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
