// Three and five real nodes under clients, with nodes killed, stopped and restarted in turn. At the end: every
// acknowledged write is there, the history of each key is linearizable, and all nodes hold the same log and the same
// state.
//
// node chaos.mjs BINARY HIREDIS_CLIENT [--nodes 3] [--seconds 20] [--port 21300] [--directory PATH] [--keep]
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runClient, libraries } from './clients.mjs';
import { Cluster, runLines } from './cluster.mjs';
import { checkHistory } from './linearizable.mjs';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What is done to the cluster, one after the other until the time is over. Each leaves every node running.
const faults = {
  async 'kill the leader'(cluster) {
    const leader = await cluster.leader();
    if (!leader) return;
    process.kill(leader.pid, 'SIGKILL');
    await sleep(1500);
    await cluster.start(leader.name);
  },
  async 'stop the leader for a while'(cluster) {
    const leader = await cluster.leader();
    if (!leader) return;
    process.kill(leader.pid, 'SIGSTOP');
    await sleep(3000);
    process.kill(leader.pid, 'SIGCONT');
  },
  async 'kill a follower'(cluster, turn) {
    const followers = (await cluster.status()).filter((node) => node.role === 'follower');
    const node = followers[turn % Math.max(1, followers.length)];
    if (!node) return;
    process.kill(node.pid, 'SIGKILL');
    await sleep(800);
    await cluster.start(node.name);
  },
  async 'stop a follower for a while'(cluster, turn) {
    const followers = (await cluster.status()).filter((node) => node.role === 'follower');
    const node = followers[turn % Math.max(1, followers.length)];
    if (!node) return;
    process.kill(node.pid, 'SIGSTOP');
    await sleep(2000);
    process.kill(node.pid, 'SIGCONT');
  },
  async 'kill all at once'(cluster) {
    const nodes = (await cluster.status()).filter((node) => node.pid);
    for (const node of nodes) process.kill(node.pid, 'SIGKILL');
    await sleep(300);
    for (const node of nodes) await cluster.start(node.name);
  },
};

async function torment(cluster, until, log) {
  const names = Object.keys(faults);
  for (let turn = 0; Date.now() < until; turn++) {
    const name = names[turn % names.length];
    log(`  ${name}`);
    try {
      await faults[name](cluster, turn);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
    await sleep(1200);
  }
}

// Reads every key once more through every node, as part of the history.
async function readAll(cluster, keys, history) {
  const now = () => Number(process.hrtime.bigint());
  for (const port of cluster.ports) {
    const connection = await libraries.ioredis.connect(port);
    for (const key of keys) {
      const operation = { client: `final-${port}`, key, kind: 'get', argument: null, invoked: now() };
      operation.result = await libraries.ioredis.call(connection, ['GET', key]);
      history.push({ ...operation, outcome: 'ok', answered: now() });
    }
    libraries.ioredis.close(connection);
  }
}

function checkAcknowledged(history) {
  const final = new Map();
  for (const operation of history)
    if (operation.client.startsWith('final-')) final.set(operation.key, operation.result);
  let acknowledged = 0;
  for (const operation of history) {
    if (operation.kind !== 'append' || operation.outcome !== 'ok') continue;
    acknowledged++;
    const tokens = (final.get(operation.key) ?? '').split(';').map((token) => `${token};`);
    assert.ok(tokens.includes(operation.argument), `lost: ${JSON.stringify(operation)}`);
  }
  return acknowledged;
}

async function checkEqual(cluster) {
  const hashes = [];
  for (const port of cluster.ports) {
    const connection = await libraries.ioredis.connect(port);
    hashes.push(JSON.stringify(await libraries.ioredis.call(connection, ['FAIRLEAD', 'HASH'])));
    libraries.ioredis.close(connection);
  }
  assert.ok(
    hashes.every((hash) => hash === hashes[0]),
    `states differ: ${hashes.join(' ')}`,
  );
  const logs = [];
  for (const name of cluster.names)
    logs.push(await cluster.must('log', name, '--dir', cluster.directory, '-o', 'json'));
  const entries = logs.map((text) => JSON.stringify(JSON.parse(text).entries));
  assert.ok(
    entries.every((text) => text === entries[0]),
    'logs differ',
  );
}

// A node that ended by itself, or that a sanitizer complained of, has said so in its log.
function checkLogs(cluster) {
  for (const name of cluster.names) {
    const text = fs.readFileSync(path.join(cluster.directory, name, 'log'), 'utf8');
    const found = text.match(/.*(fairlead: bug|Sanitizer|runtime error|takes no part any more).*/);
    assert.equal(found, null, `${name}: ${found?.[0]}`);
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      nodes: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '20' },
      port: { type: 'string', default: '21300' },
      directory: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  const [binary, hiredisClient] = positionals;
  const seconds = Number(values.seconds);
  const directory = values.directory ?? fs.mkdtempSync(path.join(os.tmpdir(), 'fairlead-chaos-'));
  const cluster = new Cluster({ binary, directory, size: Number(values.nodes), port: Number(values.port) });
  const keys = 4;
  const history = [];
  let passed = false;
  await cluster.up();
  try {
    const until = Date.now() + seconds * 1000;
    const clients = ['ioredis', 'redis'].flatMap((library) =>
      [0, 1, 2].map((k) =>
        runClient({ library, name: `${library}-${k}`, ports: cluster.ports, first: k, keys, until, history }),
      ),
    );
    const hiredis = runLines(hiredisClient, [cluster.ports.join(','), '4', String(seconds), String(keys), '7']);
    await torment(cluster, until, console.log);
    await Promise.all(clients);
    history.push(...(await hiredis));
    await cluster.settle();

    const used = [...new Set(history.map((operation) => operation.key))];
    await readAll(cluster, used, history);
    const unexpected = history.filter((operation) => operation.outcome === 'unexpected');
    assert.deepEqual(unexpected.slice(0, 3), [], 'errors that no client should see');
    const relevant = history.filter((o) => o.outcome === 'ok' || (o.outcome === 'unknown' && o.kind !== 'get'));
    const failures = checkHistory(relevant);
    assert.deepEqual(failures, [], 'not linearizable');
    const acknowledged = checkAcknowledged(history);
    await cluster.settle();
    await checkEqual(cluster);
    checkLogs(cluster);
    const count = (outcome) => history.filter((operation) => operation.outcome === outcome).length;
    console.log(
      `ok: ${cluster.size} nodes, ${history.length} operations (${count('ok')} ok, ${count('failed')} not done, ` +
        `${count('unknown')} unknown), ${used.length} keys linearizable, ${acknowledged} appends all there`,
    );
    passed = true;
  } finally {
    fs.writeFileSync(path.join(directory, 'history.json'), JSON.stringify(history));
    await cluster.down();
    if (passed && !values.keep) fs.rmSync(directory, { recursive: true, force: true });
    else console.log(`kept: ${directory}`);
  }
}

await main();
