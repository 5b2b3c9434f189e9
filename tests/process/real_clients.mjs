// Unmodified client libraries, each in every way it knows to connect, on three real nodes, while nodes go away under
// them.
//
//   node real_clients.mjs BINARY HIREDIS_COUNTER [--port 22000] [--pause MS] [--table] [--only WORD] [--moved]
//
// An application for each library and way increments a counter of its own, one call after the other. Meanwhile the
// leader is stopped and started, the leader is killed, and each node that an application is connected to is killed. At
// the end each counter lies between the acknowledged increments and these plus the tries that ended in an error that
// leaves the outcome open. Before that, redis-cli and redis-benchmark in their modes. --table prints the table of
// docs/clients.md; its times are told, not judged. --pause is how long a node is away. --moved: nodes with --follower
// moved, and only the ways that can follow.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs, promisify } from 'node:util';
import Redis from 'ioredis';
import { createCluster, createSentinel } from 'redis';
import { Cluster } from './cluster.mjs';

const run = promisify(execFile);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const inAllWays = (library) => ['standalone', 'sentinel', 'cluster'].map((way) => `${library}/${way}`);
// Longer than anything here takes on a busy machine; without it what hangs would say nothing.
const PATIENCE_MS = 60000;
const PYTHON = '/usr/bin/python3'; // Debian's, which has Debian's python3-redis.

// ------------------------------------------------------------------------------------------------------ tools

async function cli(port, words, input) {
  const child = run('redis-cli', ['-p', String(port), ...words], { timeout: 20000, maxBuffer: 1 << 26 });
  if (input !== undefined) child.child.stdin.end(input);
  return (await child).stdout;
}

// What a program that does not end by itself prints in `ms`.
async function watch(program, words, ms) {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (part) => (text += part));
  await sleep(ms);
  child.kill();
  await new Promise((resolve) => child.on('close', resolve));
  return text;
}

const encode = (words) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

const toolChecks = {
  async 'redis-cli'(cluster) {
    assert.equal(await cli(cluster.ports[0], ['set', 'cli:1', 'x']), 'OK\n');
    assert.equal(await cli(cluster.ports[1], ['get', 'cli:1']), 'x\n');
  },
  async 'redis-cli -c'(cluster) {
    for (const follower of ['moved', 'forward']) {
      for (const port of cluster.ports) await cli(port, ['config', 'set', 'follower', follower]);
      for (const port of cluster.ports) {
        assert.equal(await cli(port, ['-c', 'set', 'cli:c', String(port)]), 'OK\n');
        assert.equal(await cli(port, ['-c', 'get', 'cli:c']), `${port}\n`);
      }
    }
  },
  async 'redis-cli --pipe'(cluster) {
    const input = Array.from({ length: 1000 }, (_, k) => encode(['SET', `pipe:${k}`, String(k)])).join('');
    assert.match(await cli(cluster.ports[1], ['--pipe'], input), /errors: 0, replies: 1000/);
    assert.equal(await cli(cluster.ports[2], ['get', 'pipe:999']), '999\n');
  },
  async 'redis-cli --scan'(cluster) {
    const keys = (await cli(cluster.ports[2], ['--scan', '--pattern', 'pipe:*'])).trim().split('\n');
    assert.equal(new Set(keys).size, 1000);
  },
  async 'redis-cli --stat'(cluster) {
    const words = ['-oL', 'redis-cli', '-p', String(cluster.ports[0]), '--stat', '-i', '0.2'];
    assert.match(await watch('stdbuf', words, 500), /^10\d\d +\d/m);
  },
  async 'redis-cli --latency'(cluster) {
    const text = await cli(cluster.ports[1], ['--latency', '-i', '0.3', '--raw']);
    assert.match(text, /^\d+ \d+ [\d.]+ \d+/);
  },
  async 'redis-cli --bigkeys'(cluster) {
    assert.match(await cli(cluster.ports[1], ['--bigkeys']), /Biggest string found/);
  },
  async 'redis-cli -3'(cluster) {
    assert.match(await cli(cluster.ports[0], ['-3', 'hello']), /proto" => \(integer\) 3|proto 3/);
    assert.equal(await cli(cluster.ports[1], ['-3', 'config', 'get', 'save']), 'save \n');
  },
  async 'redis-cli, MULTI'(cluster) {
    const text = await cli(cluster.ports[1], [], 'MULTI\nSET cli:m 1\nINCR cli:m\nEXEC\n');
    assert.equal(text, 'OK\nQUEUED\nQUEUED\nOK\n2\n');
  },
  async 'redis-cli --cluster check'(cluster) {
    const { stdout } = await run('redis-cli', ['--cluster', 'check', `127.0.0.1:${cluster.ports[1]}`]);
    assert.match(stdout, /All 16384 slots covered/);
  },
  async 'redis-benchmark'(cluster) {
    // Not --cluster: it wants at least two masters.
    const tests = ['-p', String(cluster.ports[1]), '-t', 'set,get,incr,mset', '-n', '2000', '-c', '10', '-q'];
    const { stdout, stderr } = await run('redis-benchmark', tests, { timeout: 20000 });
    for (const name of ['SET', 'GET', 'INCR', 'MSET'])
      assert.match(stdout, new RegExp(`${name}.*: [1-9][0-9.]* requests per second`), stdout + stderr);
    assert.doesNotMatch(stdout + stderr, /error/i);
  },
};

const libraryChecks = {
  async 'ioredis, a follower through Sentinel'(cluster) {
    const sentinels = cluster.ports.map((port) => ({ host: '127.0.0.1', port }));
    const redis = new Redis({ sentinels, name: 'mymaster', role: 'slave' });
    assert.equal(await redis.get('cli:1'), 'x');
    assert.notEqual(redis.stream.remotePort, cluster.ports[cluster.names.indexOf((await cluster.leader()).name)]);
    redis.disconnect();
  },
  async 'redis, followers through Sentinel'(cluster) {
    const sentinelRootNodes = cluster.ports.map((port) => ({ host: '127.0.0.1', port }));
    const sentinel = createSentinel({ name: 'mymaster', sentinelRootNodes, replicaPoolSize: 1 });
    await sentinel.connect();
    assert.equal(await sentinel.get('cli:1'), 'x');
    await sentinel.destroy();
  },
  async 'redis, followers of a cluster'(cluster) {
    const rootNodes = cluster.ports.map((port) => ({ socket: { host: '127.0.0.1', port } }));
    const client = await createCluster({ rootNodes, useReplicas: true }).connect();
    for (let k = 0; k < 6; k++) assert.equal(await client.get('cli:1'), 'x');
    client.destroy();
  },
  async 'ioredis, followers of a cluster'(cluster) {
    const client = new Redis.Cluster(
      cluster.ports.map((port) => ({ host: '127.0.0.1', port })),
      { scaleReads: 'slave' },
    );
    for (let k = 0; k < 6; k++) assert.equal(await client.get('cli:1'), 'x');
    client.disconnect();
  },
};

// The promise's value; or after PATIENCE_MS an error that says what was waited for, with what `tell` returns.
async function within(what, promise, tell = () => '') {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing for ${PATIENCE_MS / 1000} s. ${tell()}`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function checkTools(cluster) {
  for (const [name, check] of Object.entries({ ...toolChecks, ...libraryChecks })) {
    await within(name, check(cluster)).catch((error) => {
      error.message = `${name}: ${error.message}`;
      throw error;
    });
  }
}

// ------------------------------------------------------------------------------------------------------ faults

// Which node each application talks to: where its name did something last.
async function findConnections(cluster) {
  const found = new Map();
  for (const port of cluster.ports) {
    const list = await cli(port, ['client', 'list']).catch(() => '');
    for (const line of list.split('\n')) {
      const field = (name) => new RegExp(`\\b${name}=(\\S*)`).exec(line)?.[1];
      const [name, idle] = [field('name'), Number(field('idle'))];
      if (name && /^(incr|incrby|set)$/.test(field('cmd')) && !(found.get(name)?.idle <= idle))
        found.set(name, { idle, port });
    }
  }
  return found;
}

async function findLeader(cluster) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(100)) {
    const leader = await cluster.leader();
    if (leader) return leader;
  }
  throw new Error(`no leader for ${PATIENCE_MS / 1000} s: ${JSON.stringify(await cluster.status())}`);
}

async function kill(cluster, node, pauseMs) {
  process.kill(node.pid, 'SIGKILL');
  await sleep(pauseMs);
  await cluster.start(node.name);
}

// One fault after the other; each is { name, from, to, port, connections }.
async function harm(cluster, pauseMs) {
  const faults = [];
  const during = async (name, node, act) => {
    const fault = { name, port: cluster.ports[cluster.names.indexOf(node.name)], from: Date.now() };
    fault.connections = await findConnections(cluster);
    await act(node);
    await sleep(pauseMs);
    faults.push({ ...fault, to: Date.now() });
  };
  await during('stopped', await findLeader(cluster), async (node) => {
    await cluster.must('stop', node.name, '--dir', cluster.directory);
    await sleep(pauseMs);
    await cluster.start(node.name);
  });
  await during('killed', await findLeader(cluster), (node) => kill(cluster, node, pauseMs));
  for (const name of cluster.names)
    await during('its node', await cluster.node(name), (node) => kill(cluster, node, pauseMs));
  return faults;
}

// ----------------------------------------------------------------------------------------------------- results

// `redis` may forget a call that was on its way through Sentinel (5.9); with others that is our fault: a node always
// answers.
const isForgotten = ({ error }) => error?.startsWith('nothing for');
const mayForget = (name) => name === 'redis/sentinel';
const isDefinite = (error) => /^(ResponseError: |ClusterDownError: )?(CLUSTERDOWN|TRYAGAIN)/.test(error);

// Errors, and the longest time without an answer, in milliseconds; null if the application was not concerned.
function measure(application, fault) {
  if (fault === undefined) return null;
  const { tries } = application;
  const errors = tries.filter((attempt) => attempt.error && attempt.t >= fault.from && attempt.t <= fault.to);
  const done = tries.filter((attempt) => !attempt.error).map((attempt) => attempt.t);
  let gap = 0;
  for (let k = 1; k < done.length; k++)
    if (done[k] >= fault.from && done[k - 1] <= fault.to) gap = Math.max(gap, done[k] - done[k - 1]);
  return { errors: errors.length, gap };
}

function judge(application, faults, final) {
  const { name, tries } = application;
  const own = faults.filter((f) => f.name === 'its node' && f.connections.get(name)?.port === f.port);
  const acknowledged = tries.filter((attempt) => !attempt.error).length;
  const unknown = tries.filter((attempt) => attempt.error && !isDefinite(attempt.error)).length;
  return {
    name,
    final,
    acknowledged,
    unknown,
    stopped: measure(
      application,
      faults.find((f) => f.name === 'stopped'),
    ),
    killed: measure(
      application,
      faults.find((f) => f.name === 'killed'),
    ),
    own: measure(application, own[0]),
    isRight:
      final >= acknowledged &&
      final <= acknowledged + unknown &&
      (mayForget(name) || !tries.some(isForgotten)),
    samples: [...new Set(tries.filter((attempt) => attempt.error).map((attempt) => attempt.error.slice(0, 90)))].slice(
      0,
      5,
    ),
  };
}

const library = {
  ioredis: 'ioredis 5',
  redis: '`redis` for Node 5',
  'redis-py': 'redis-py 4 (Debian)',
  hiredis: 'hiredis (Debian)',
};

function printTable(results) {
  const told = (value) => (value === null ? '-' : `${value.errors}, ${(value.gap / 1000).toFixed(1)} s`);
  console.log('| Library | Way | Leader stopped | Leader killed | Its node killed | Counter |');
  console.log('|---|---|---|---|---|---|');
  for (const { name, ...result } of results) {
    const [first, way] = name.split('/');
    const more = result.final - result.acknowledged;
    const counter = more === 0 ? 'equal' : `+${more} of ${result.unknown} unknown`;
    const cells = [library[first], way, told(result.stopped), told(result.killed), told(result.own), counter];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

// -------------------------------------------------------------------------------------------------------- main

const local = (name) => new URL(name, import.meta.url).pathname;

// Programs that count, each for some applications, until their input ends.
const programs = ({ counter, ports, run: name }) => [
  {
    names: ['ioredis', 'redis'].flatMap(inAllWays),
    words: (names) => [process.execPath, local('node_clients.mjs'), name, ports, ...names],
  },
  { names: ['hiredis/list'], words: ([only]) => [counter, ports, `${name}:${only}`, only] },
  { names: inAllWays('redis-py'), words: (names) => [PYTHON, local('real_clients.py'), name, ports, ...names] },
];

const since = (time) => (time === undefined ? 'never answered' : `silent for ${(Date.now() - time) / 1000} s`);

// What each application did: { name, key, tries: [{ t, error? }] }, with t in milliseconds since 1970.
class Applications {
  constructor(options) {
    Object.assign(this, { list: new Map(), children: [], ends: [] });
    for (const { names, words } of programs(options)) {
      const wanted = names.filter((name) => name.includes(options.only));
      if (wanted.length > 0) this.start(options.run, wanted, words(wanted));
    }
  }

  start(runName, names, [program, ...words]) {
    for (const name of names) this.list.set(name, { name, key: `${runName}:${name}`, tries: [] });
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { app = names[0], ...attempt } = JSON.parse(line);
      this.list.get(app).tries.push(attempt);
    });
    this.children.push(child);
    this.ends.push(
      new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${program} exited with ${code}`))));
      }),
    );
  }

  // Returns once each has done something.
  async begun() {
    let isLate = false;
    const wait = async () => {
      while (!isLate && [...this.list.values()].some(({ tries }) => tries.length < 10))
        await Promise.race([sleep(50), ...this.ends]);
    };
    await within('the first counts', wait(), () => this.tell()).finally(() => (isLate = true));
  }

  // Returns once nothing is on its way any more.
  async end() {
    this.children.forEach((child) => child.stdin.end());
    await within('the last counts', Promise.all(this.ends), () => this.tell());
  }

  // How long each has been silent.
  tell() {
    const silence = ({ name, tries }) => `${name} ${tries.length} tries, ${since(tries.at(-1)?.t)}`;
    return [...this.list.values()].map(silence).join('; ');
  }
}

async function count(cluster, { counter, only, pauseMs }) {
  const applications = new Applications({ run: `count:${Date.now()}`, ports: cluster.ports.join(','), counter, only });
  await applications.begun();
  const events = watchEvents(cluster);
  const faults = await harm(cluster, pauseMs);
  await applications.end();
  assert.match(events.end(), /^mymaster 127\.0\.0\.1 \d+ 127\.0\.0\.1 \d+$/m, 'no +switch-master was published');
  const results = [];
  for (const application of applications.list.values()) {
    const values = await Promise.all(cluster.ports.map((port) => cli(port, ['-c', 'get', application.key])));
    assert.equal(new Set(values).size, 1, `${application.name}: the nodes disagree: ${values}`);
    results.push(judge(application, faults, Number(values[0])));
  }
  return results;
}

// A subscriber on each node; whoever's node is killed hears no more.
function watchEvents(cluster) {
  let text = '';
  const children = cluster.ports.map((port) => spawn('redis-cli', ['-p', String(port), 'subscribe', '+switch-master']));
  for (const child of children) child.stdout.on('data', (part) => (text += part));
  return {
    end() {
      children.forEach((child) => child.kill());
      return text;
    },
  };
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '22000' },
      pause: { type: 'string', default: process.env.FL_TEST_LONG === '1' ? '6000' : '1200' },
      table: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      moved: { type: 'boolean', default: false },
    },
  });
  const [binary, counter] = positionals;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'fairlead-clients-'));
  const cluster = new Cluster({
    binary,
    directory: path.join(directory, 'cluster'),
    size: 3,
    port: Number(values.port),
  });
  const only = values.moved ? '/cluster' : values.only;
  if (values.moved) process.env.FAIRLEAD_FOLLOWER = 'moved';
  try {
    await cluster.up();
    if (!values.moved) await checkTools(cluster);
    const results = await count(cluster, { counter, only, pauseMs: Number(values.pause) });
    if (values.table) printTable(results);
    const wrong = results.filter((result) => !result.isRight);
    assert.deepEqual(wrong, [], 'counters that are not what was acknowledged, or calls that nobody answered');
    assert.ok(results.every((result) => result.acknowledged > 0), 'an application got nothing done');
    if (!values.table) console.log(`ok: ${results.length} applications, all counters are right`);
  } catch (error) {
    // For whoever reads that an application hangs: who is connected where.
    for (const port of cluster.ports) console.error(port, await cli(port, ['client', 'list']).catch(String));
    throw error;
  } finally {
    await cluster.down();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

await main();
