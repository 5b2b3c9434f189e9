// What `fairlead events -f` tells while nodes of a real cluster are killed and come back, and what `fairlead doctor`
// finds.
//
//   node story.mjs BINARY [--port 21700]
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import Redis from 'ioredis';

import { Cluster } from './cluster.mjs';

const [binary, ...options] = process.argv.slice(2);
const port = options[0] === '--port' ? Number(options[1]) : 21700;
const directory = join(mkdtempSync(join(tmpdir(), 'fairlead-story-')), 'data');
const cluster = new Cluster({ binary, directory, size: 3, port });

// Everything that was told so far, an object each.
function follow() {
  const told = [];
  const child = spawn(binary, ['events', '-f', '-o', 'json', '--dir', directory]);
  let rest = '';
  child.stdout.on('data', (data) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop();
    for (const line of lines) told.push(JSON.parse(line));
  });
  return { told, stop: () => child.kill() };
}

async function until(condition, what) {
  for (let k = 0; k < 200; k++) {
    if (condition()) return;
    await pause(50);
  }
  assert.fail(`never came: ${what}`);
}

async function kill(name) {
  process.kill((await cluster.node(name)).pid, 'SIGKILL');
}

async function doctor() {
  const { code, stdout } = await cluster.command('doctor', '--dir', directory, '-o', 'json');
  return { code, codes: JSON.parse(stdout).findings.map((finding) => finding.code) };
}

// One after the other, without waiting: a node that is alone does not become ready.
async function startAll(names) {
  const starts = [];
  for (const name of names) {
    starts.push(cluster.start(name));
    await pause(500);
  }
  await Promise.all(starts);
}

// The leader takes entries that nobody else has, and dies; the others go on without it. Returns its name.
async function partLogs() {
  const { name } = await cluster.leader();
  const others = cluster.names.filter((one) => one !== name);
  const client = new Redis({
    port: cluster.ports[cluster.names.indexOf(name)],
    retryStrategy: null,
    lazyConnect: true,
  });
  client.on('error', () => {});
  await client.connect();
  for (const one of others) await kill(one);
  for (let k = 0; k < 3; k++) client.set(`lost${k}`, k).catch(() => {});
  await pause(200);
  await kill(name);
  client.disconnect();
  await startAll(others);
  return name;
}

// In each life of its process a node counts its events from 1.
function checkNumbers(told, name) {
  const numbers = told.filter((one) => one.node === name && one.sequence).map((one) => one.sequence);
  for (let k = 1; k < numbers.length; k++)
    assert.ok(numbers[k] === 1 || numbers[k] === numbers[k - 1] + 1, `${name}: event ${numbers[k]} in its turn`);
}

async function main() {
  await cluster.up();
  assert.equal((await doctor()).code, 0);
  const { told, stop } = follow();
  const of = (event, node) => told.filter((one) => one.event === event && one.node === node);
  await until(() => cluster.names.every((name) => of('ready', name).length > 0), 'three nodes that are ready');
  let name;
  // A leader whose disk stalls at that moment may step down before it takes anything: then again.
  for (let tries = 0; tries < 5 && (!name || of('truncated', name).length === 0); tries++) {
    name = await partLogs();
    await until(() => of('silent', name).length > 0, `that ${name} is silent`);
    const found = await doctor();
    assert.equal(found.code, 5);
    assert.ok(found.codes.includes('FL4001'));
    await cluster.start(name);
    await pause(1000);
  }
  stop();
  const cuts = of('truncated', name);
  assert.equal(cuts.length, 1);
  const repairs = told.filter((one) => one.event === 'repaired' && one.peer === name && one.index === cuts[0].index);
  assert.equal(repairs.length, 1);
  assert.ok(cuts[0].entries <= 3);
  for (const one of cluster.names) {
    assert.ok(of('opened', one).length >= 2);
    checkNumbers(told, one);
  }
}

try {
  await main();
  console.log('story: told as it was');
} finally {
  await cluster.down();
  rmSync(join(directory, '..'), { recursive: true, force: true });
}
