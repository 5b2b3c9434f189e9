// CONFIG REWRITE and a restart: what was set stays, what the file's owner wrote stays, and a line that a server could
// not honour stops the start with a reason.
//
//   node rewrite.mjs BINARY [--port N]
//
// One node, founded alone. Exit: 0 as it should be, 1 not, 2 usage.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Redis from 'ioredis';

const [binary, option, value] = process.argv.slice(2);
if (!binary || (option && option !== '--port')) {
  console.error('usage: node rewrite.mjs BINARY [--port N]');
  process.exit(2);
}
const port = Number(value ?? 21700);
const directory = mkdtempSync(join(tmpdir(), 'fairlead-rewrite-'));
const file = join(directory, 'node.conf');
const owned = `# Written by hand.
name = n1
dir = ${join(directory, 'data')}
listen = 127.0.0.1:${port}
peer = 127.0.0.1:${port + 1}
web = off
bootstrap = n1=127.0.0.1:${port + 1}
cluster-id = 00112233445566778899aabbccddeeff
maxmemory = 80% ; of the machine
`;

function start() {
  const node = spawn(binary, ['serve', '--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  node.said = '';
  node.stderr.on('data', (text) => (node.said += text));
  node.ended = new Promise((resolve) => node.on('exit', resolve));
  return node;
}

async function stop(node) {
  node.kill('SIGTERM');
  return node.ended;
}

let node;
try {
  writeFileSync(file, owned);
  node = start();
  let client = new Redis(port, '127.0.0.1');
  client.on('error', () => {}); // It tries until the node listens.
  await client.call('CONFIG', 'SET', 'maxmemory', '64mb', 'timeout', '300', 'hz', '20', 'slave-priority', '7');
  assert.equal(await client.call('CONFIG', 'REWRITE'), 'OK');
  const written = `${owned.replace('80%', '67108864')}redis.timeout = 300\nredis.hz = 20\nredis.replica-priority = 7\n`;
  assert.equal(readFileSync(file, 'utf8'), written);
  client.disconnect();
  assert.equal(await stop(node), 0);

  node = start();
  client = new Redis(port, '127.0.0.1');
  client.on('error', () => {});
  for (const [name, is] of Object.entries({ maxmemory: '67108864', timeout: '300', hz: '20', 'slave-priority': '7' }))
    assert.deepEqual(await client.call('CONFIG', 'GET', name), [name, is]);
  assert.match(await client.info('settings'), /^stored_not_honoured:hz,replica-priority\r$/m);
  client.disconnect();
  assert.equal(await stop(node), 0);

  writeFileSync(file, `${written}redis.appendonly = no\n`);
  node = start();
  assert.notEqual(await node.ended, 0);
  assert.match(node.said, /redis\.appendonly cannot be "no"[^]*every write is synced/);
  console.log('CONFIG REWRITE: the file stays whole, and a restart finds what was set');
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  node?.kill('SIGKILL');
  rmSync(directory, { recursive: true });
}
