// Clients that write down what they did: one line of history for each operation, in the form that linearizable.mjs
// checks. The libraries' own retries are off: what is sent again is decided here alone (never).
import Redis from 'ioredis';
import { createClient } from 'redis';

const now = () => Number(process.hrtime.bigint());
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Each library behind the same three functions: connect(port), call(connection, words), close(connection).
export const libraries = {
  ioredis: {
    async connect(port) {
      const connection = new Redis(port, '127.0.0.1', {
        lazyConnect: true,
        retryStrategy: null,
        maxRetriesPerRequest: 0,
        enableOfflineQueue: false,
        autoResendUnfulfilledCommands: false,
        connectTimeout: 1000,
      });
      connection.on('error', () => {});
      await connection.connect();
      return connection;
    },
    call: (connection, words) => connection.call(...words),
    close: (connection) => connection.disconnect(),
  },
  redis: {
    async connect(port) {
      const connection = createClient({
        socket: { host: '127.0.0.1', port, reconnectStrategy: false, connectTimeout: 1000 },
        disableOfflineQueue: true,
      });
      connection.on('error', () => {});
      await connection.connect();
      return connection;
    },
    call: (connection, words) => connection.sendCommand(words),
    close: (connection) => connection.destroy(),
  },
};

// What an error tells. The words are the promise: CLUSTERDOWN is "not done", TIMEOUT is "unknown"; a lost connection
// says nothing.
export function outcomeOfError(error) {
  const text = String(error?.message ?? error);
  if (text.startsWith('CLUSTERDOWN')) return 'failed';
  if (text.startsWith('TIMEOUT')) return 'unknown';
  if (/clos|ECONN|EPIPE|Socket|socket|offline|writable|Connection|disconnect|patience/.test(text)) return 'unknown';
  return 'unexpected';
}

function chooseOperation(client, keys) {
  const draw = (below) => Math.floor(Math.random() * below);
  const kind = ['get', 'get', 'get', 'set', 'set', 'incr', 'append', 'getset', 'setnx', 'del'][draw(10)];
  const sequence = client.sequence++;
  if (kind === 'incr') return { kind, key: `count:${draw(keys)}`, argument: null };
  if (kind === 'append') {
    const key = `list:${client.name}-${Math.floor(sequence / 16)}`;
    return { kind, key, argument: `${sequence};` };
  }
  const argument = kind === 'get' || kind === 'del' ? null : `${client.name}-${sequence}`;
  return { kind, key: `value:${draw(keys)}`, argument };
}

const patience = (promise, ms) => {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('out of patience')), ms);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
};

// Runs one client until `until` (ms since epoch), appending to `history`.
export async function runClient({ library, name, ports, first, keys, until, history }) {
  const { connect, call, close } = libraries[library];
  const client = { name, sequence: 0 };
  let node = first;
  let connection = null;
  while (Date.now() < until) {
    if (!connection) {
      try {
        connection = await patience(connect(ports[node % ports.length]), 1500);
      } catch {
        node++;
        await sleep(50);
        continue;
      }
    }
    const operation = { client: name, ...chooseOperation(client, keys), invoked: now() };
    const words = [operation.kind.toUpperCase(), operation.key];
    if (operation.argument !== null) words.push(operation.argument);
    try {
      operation.result = await patience(call(connection, words), 6000);
      operation.outcome = 'ok';
    } catch (error) {
      operation.outcome = outcomeOfError(error);
      operation.result = String(error?.message ?? error);
      if (!/^(CLUSTERDOWN|TIMEOUT)/.test(operation.result)) {
        try {
          close(connection);
        } catch {}
        connection = null;
        node++;
      }
    }
    operation.answered = now();
    history.push(operation);
    await sleep(1 + Math.random() * 4);
  }
  if (connection) close(connection);
}
