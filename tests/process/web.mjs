// The web port of three real nodes: every node serves the page and shows them all; what happens to one is seen on the
// others; and while nobody watches, nobody is asked.
//
//   node web.mjs BINARY [--port 21800]
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import Redis from 'ioredis';

import { LiveSource } from '../../web/live.js';
import { Cluster } from './cluster.mjs';

const [binary, ...options] = process.argv.slice(2);
const port = options[0] === '--port' ? Number(options[1]) : 21800;
const directory = join(mkdtempSync(join(tmpdir(), 'fairlead-web-')), 'data');
const cluster = new Cluster({ binary, directory, size: 3, port });
const site = (name) => `http://127.0.0.1:${cluster.ports[cluster.names.indexOf(name)] + 2}`;

const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

// As much of a browser's EventSource as LiveSource uses.
globalThis.EventSource = class extends EventTarget {
  static CLOSED = 2;
  readyState = 0;
  #abort = new AbortController();

  constructor(address) {
    super();
    void this.#run(address);
  }

  close() {
    this.readyState = EventSource.CLOSED;
    this.#abort.abort();
  }

  async #run(address) {
    while (this.readyState !== EventSource.CLOSED) {
      try {
        const answer = await fetch(address, { signal: this.#abort.signal });
        await this.#read(answer.body);
      } catch {
        // The connection is lost, or is not to be had.
      }
      if (this.readyState === EventSource.CLOSED) return;
      this.readyState = 0;
      this.onerror?.();
      await pause(200);
    }
  }

  async #read(body) {
    let rest = '';
    for await (const part of body.pipeThrough(new TextDecoderStream())) {
      const messages = (rest + part).split('\n\n');
      rest = messages.pop();
      for (const message of messages) this.#tell(message);
    }
  }

  #tell(message) {
    const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(message) ?? [];
    if (name) this.dispatchEvent(new MessageEvent(name, { data }));
  }
};

async function until(condition, what, seconds = 20) {
  for (let k = 0; k < seconds * 20; k++) {
    if (await condition()) return;
    await pause(50);
  }
  assert.fail(`never came: ${what}`);
}

// What the page of that node is told, once it is told something.
async function watch(name) {
  const source = new LiveSource(new URL(`${site(name)}/live`));
  await until(() => source.length > 0, 'a first view');
  return source;
}

const newest = (source) => source.view(source.length - 1);
const node = (source, name) => newest(source).nodes.find((one) => one.name === name);
const leader = (source) => newest(source).nodes.find((one) => one.role === 'leader');
const texts = (one) => one.log.map((entry) => entry[2]);

// All events, each with the step that brought it.
function* told(source) {
  for (let step = source.first; step < source.length; step++)
    for (const event of source.events(step)) yield { ...event, step };
}

async function checkPage(name) {
  const mode = await (await fetch(`${site(name)}/mode.json`)).json();
  assert.equal(mode.live, true);
  assert.equal(mode.admin, false);
  assert.equal(mode.name, name);
  for (const path of ['/', '/learn', '/web/live.js', '/help', '/metrics', '/nothing']) {
    const answer = await fetch(site(name) + path);
    assert.equal(answer.headers.get('content-security-policy'), POLICY, path);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(answer.status, path === '/nothing' ? 404 : 200, path);
  }
  const page = await (await fetch(`${site(name)}/`)).text();
  for (const [, path] of page.matchAll(/(?:src|href)="(web\/[^"]+)"/g))
    assert.equal((await fetch(`${site(name)}/${path}`)).status, 200, path);
  assert.equal((await fetch(`${site(name)}/`, { method: 'POST' })).status, 405);
  assert.equal((await fetch(`${site(name)}/live`, { method: 'DELETE' })).status, 405);
  const headers = { 'X-Fairlead': '1', 'Content-Type': 'application/json' };
  const write = { method: 'POST', headers, body: JSON.stringify({ key: 'a', value: '1' }) };
  assert.equal((await fetch(`${site(name)}/admin/write`, write)).status, 403);
}

// The status of a request that a browser would send for a page of that host, which it takes this node for.
async function statusAs(host, name, path) {
  const [answer] = await once(get(site(name) + path, { headers: { host } }), 'response');
  answer.resume();
  return answer.statusCode;
}

async function checkHosts(name) {
  for (const path of ['/', '/live', '/status.json', '/metrics', '/web/live.js', '/mode.json'])
    assert.equal(await statusAs('evil.example', name, path), 403, path);
  for (const host of ['localhost', 'localhost:1', '127.0.0.1:80', '[::1]'])
    assert.equal(await statusAs(host, name, '/livez'), 200, host);
}

// How often a node was asked for its view.
async function timesAsked(name) {
  const text = await (await fetch(`${site(name)}/metrics`)).text();
  return Number(/commands_total\{cmd="fairlead\|view"\} (\d+)/.exec(text)?.[1] ?? 0);
}

async function checkWrite(sources, client, key) {
  await client.set(key, '1');
  for (const source of Object.values(sources)) {
    await until(
      () =>
        newest(source)
          .nodes.filter((one) => one.up)
          .every((one) => texts(one).includes(`set ${key} 1`)),
      `set ${key}`,
    );
    await until(
      () =>
        newest(source)
          .nodes.filter((one) => one.up)
          .every((one) => one.applied === one.last),
      `${key} applied`,
    );
    assert.equal(newest(source).committed, leader(source).last);
  }
}

async function checkStopAndStart(sources, client) {
  await cluster.must('stop', 'n1', '--dir', directory);
  const others = { n2: sources.n2, n3: sources.n3 };
  for (const source of Object.values(others)) {
    await until(() => !node(source, 'n1').up && leader(source), 'a leader without n1');
    assert.equal(node(source, 'n1').role, 'down');
    assert.ok(node(source, 'n1').last > 0, 'its last numbers stay');
    assert.ok(
      [...told(source)].some((event) => event.event === 'leader' && event.node === leader(source).name),
      'its election',
    );
  }
  await until(() => !sources.n1.connected, 'that the page of n1 knows');
  await checkWrite(others, client, 'without');
  await cluster.start('n1');
  for (const source of Object.values(sources)) {
    await until(
      () => source.connected && node(source, 'n1').up && texts(node(source, 'n1')).includes('set without 1'),
      'n1 again',
    );
    await until(
      () => [...told(source)].some((event) => event.event === 'repaired' && event.peer === 'n1'),
      'its repair',
    );
  }
}

// Each node numbers its events in each life of its process; no source tells one twice.
function checkEvents(source) {
  const names = [...told(source)].map((event) => `${event.node} ${event.sequence} ${event.wall_us}`);
  assert.equal(new Set(names).size, names.length);
  for (let step = source.first; step < source.length; step++) assert.equal(source.view(step).live, true);
}

// While its clients are paused a node is seen as ever.
async function checkPaused(sources, client) {
  await client.set('名', '你好');
  await until(() => texts(node(sources.n1, 'n2')).includes('set "名" "你好"'), 'text beyond ASCII');
  await client.client('PAUSE', 60000, 'ALL');
  await pause(1500); // Longer than an answer may take.
  const before = newest(sources.n1);
  assert.ok(before.nodes.every((one) => one.up && one.founded && one.leaderless_us === 0), 'all are up');
  const late = await watch('n3');
  assert.ok(newest(late).nodes.every((one) => one.up), 'for whoever comes meanwhile, too');
  late.close();
  await client.client('UNPAUSE');
}

// A process that hangs holds up nobody's view, and is shown as down.
async function checkHanging(sources, client) {
  const { pid } = await cluster.node('n3');
  process.kill(pid, 'SIGSTOP');
  await until(() => !node(sources.n2, 'n3').up, 'n3 is down');
  assert.equal(node(sources.n2, 'n3').problem, 'it does not answer');
  await until(() => leader(sources.n2) && leader(sources.n2).name !== 'n3', 'another leads');
  const before = sources.n2.length;
  for (let k = 0; k < 5; k++) {
    await client.set(`hanging${k}`, '1');
    await pause(250);
  }
  assert.ok(sources.n2.length >= before + 4, 'views come as before');
  process.kill(pid, 'SIGCONT');
  await until(() => node(sources.n2, 'n3').up && texts(node(sources.n2, 'n3')).includes('set hanging4 1'), 'n3 again');
}

// `fairlead learn`: the page without a node.
async function checkLearn() {
  const place = `127.0.0.1:${port + 40}`;
  const said = await cluster.command('learn', 'nosuch', '--web', place);
  assert.equal(said.code, 2);
  for (const words of [
    /no lesson or scenario "nosuch"/,
    /want +leader-election, /,
    /more +first-election, [^]*figure-7,/,
  ])
    assert.match(said.stderr, words);
  assert.doesNotMatch(said.stderr, / $/m);
  if (!(await (await fetch(`${site('n1')}/mode.json`)).json()).playground) {
    assert.match((await cluster.command('learn', '--web', place)).stderr, /without the playground \[FL1022\]/);
    return;
  }
  const child = spawn(binary, ['learn', 'figure-7', '--web', place, '--no-open']);
  const [line] = await once(child.stdout, 'data');
  assert.match(String(line), new RegExp(`http://${place}/learn#figure-7`));
  const mode = await (await fetch(`http://${place}/mode.json`)).json();
  assert.deepEqual([mode.live, mode.admin, mode.playground], [false, false, true]);
  const core = await fetch(`http://${place}/web/core.wasm`);
  assert.equal(core.headers.get('content-type'), 'application/wasm');
  assert.ok(await WebAssembly.compile(await core.arrayBuffer()));
  assert.equal((await fetch(`http://${place}/learn`)).headers.get('content-security-policy'), POLICY);
  assert.equal((await fetch(`http://${place}/live`)).status, 404);
  const second = await cluster.command('learn', '--web', place);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /FL1022/);
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'close'), [0, null]);
}

async function main() {
  await cluster.up();
  await checkLearn();
  for (const name of cluster.names) await checkPage(name);
  for (const name of cluster.names) await checkHosts(name);
  assert.equal(await timesAsked('n1'), 0);
  const sources = {};
  for (const name of cluster.names) sources[name] = await watch(name);
  for (const [name, source] of Object.entries(sources)) {
    assert.equal(newest(source).name, name);
    await until(
      () => newest(source).nodes.length === 3 && newest(source).nodes.every((one) => one.up),
      `${name} sees all`,
    );
    assert.equal(newest(source).nodes.filter((one) => one.role === 'leader').length, 1);
    assert.equal(leader(source).peers.length, 2);
  }
  const client = new Redis({ port: cluster.ports[1], maxRetriesPerRequest: null });
  await checkWrite(sources, client, 'web');
  await checkPaused(sources, client);
  await checkStopAndStart(sources, client);
  await checkHanging(sources, client);
  for (const source of Object.values(sources)) checkEvents(source);
  client.disconnect();
  for (const source of Object.values(sources)) source.close();
  await pause(1500);
  const asked = await Promise.all(cluster.names.map(timesAsked));
  assert.ok(asked[1] > 10);
  await pause(1500);
  assert.deepEqual(await Promise.all(cluster.names.map(timesAsked)), asked, 'nobody watches, nobody is asked');
}

try {
  await main();
  console.log('web: every page showed all nodes');
} finally {
  await cluster.down();
  rmSync(join(directory, '..'), { recursive: true, force: true });
}
