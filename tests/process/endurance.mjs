// Three real nodes under a million writes, and clients that come and go: neither memory nor descriptors may grow with
// them.
//
// node endurance.mjs BINARY [--writes 1000000] [--port 21300]
// Not for a sanitizer's build, which keeps what is freed. Last line: "N passed, N failed".
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Cluster } from './cluster.mjs';

const KEYS = 64;
const BATCH = 1000;
const GROWTH_MAX = 12 << 20; // Bytes: what malloc keeps, and what the log knows of its segments.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { writes: { type: 'string', default: '1000000' }, port: { type: 'string', default: '21300' } },
});

// A connection, some batches of INCR on it, and its end. Resolves to how many were acknowledged.
function client(port, batches) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    let batch = 0;
    let awaited = 0;
    let acknowledged = 0;
    const send = () => {
      const lines = Array.from({ length: BATCH }, (_, k) => `INCR counter${(batch + k) % KEYS}\r\n`);
      batch++;
      awaited = BATCH;
      socket.write(lines.join(''));
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (data) => {
      const replies = data.toString('latin1');
      const error = replies.match(/-[A-Z]+ .*/);
      if (error) return reject(new Error(error[0]));
      for (const byte of data) if (byte === 10) awaited--;
      if (awaited > 0) return;
      acknowledged += BATCH;
      if (batch < batches) return send();
      socket.destroy();
      resolve(acknowledged);
    });
  });
}

async function write(cluster, writes) {
  let done = 0;
  while (done < writes) {
    const some = await Promise.all([0, 1, 2, 3].map((k) => client(cluster.ports[k % cluster.size], 5)));
    done += some.reduce((sum, n) => sum + n, 0);
  }
  return done;
}

async function measure(cluster) {
  const nodes = await cluster.settle();
  return nodes.map(({ name, pid }) => {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
    const files = fs.readdirSync(path.join(cluster.directory, name), { recursive: true }).length;
    return {
      name,
      memory: Number(status.match(/VmRSS:\s+(\d+) kB/)[1]) * 1024,
      open: fs.readdirSync(`/proc/${pid}/fd`).length,
      files,
    };
  });
}

async function endure(cluster, writes) {
  await cluster.up();
  await write(cluster, writes); // Until the log's cache is full.
  const before = await measure(cluster);
  const done = await write(cluster, writes);
  const after = await measure(cluster);
  after.forEach((node, k) => {
    const was = before[k];
    const text = `${node.name}: ${was.memory >> 20} MiB, ${was.open} open; after ${done} more writes ${node.memory >> 20} MiB, ${node.open} open`;
    console.log(`  ${text}`);
    assert.ok(node.memory - was.memory < GROWTH_MAX, `memory grows: ${text}`);
    assert.ok(node.open - was.open <= node.files - was.files + 2, `descriptors grow: ${text}`);
  });
}

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'fairlead-endurance-'));
const cluster = new Cluster({ binary: positionals[0], directory, size: 3, port: Number(values.port) });
let failed = 0;
try {
  await endure(cluster, Number(values.writes));
} catch (error) {
  failed = 1;
  console.log(`endurance: ${error.message}`);
} finally {
  await cluster.down();
  fs.rmSync(directory, { recursive: true, force: true });
}
console.log(`${1 - failed} passed, ${failed} failed`);
process.exitCode = failed;
