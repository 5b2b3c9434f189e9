// Applications that count, through the client libraries for Node.js: see real_clients.mjs.
//
//   node node_clients.mjs RUN PORT[,PORT...] NAME...
//
// One application for each NAME, "ioredis/sentinel" for instance, until standard input ends. Each try becomes a line of
// JSON: whose, when it was answered (milliseconds since 1970), and how. The functions that connect are those of
// docs/clients.md.
import Redis from 'ioredis';
import { createClient, createCluster, createSentinel } from 'redis';

const PAUSE_MS = 5;
// For a call that the library forgets, as `redis` through Sentinel was seen to do.
const LIMIT_MS = 20000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ignore = () => {};

// ------------------------------------------------------------------------------------------------ connecting

// Each gets the addresses of all nodes, as { host, port }, and returns how to increment a key, and how to end.
const ways = {
  async 'ioredis/standalone'(addresses, name) {
    const redis = new Redis({
      ...addresses.at(-1),
      connectionName: name,
      maxRetriesPerRequest: 0,
      commandTimeout: 6000,
    });
    redis.on('error', ignore);
    return { increment: (key) => redis.incr(key), end: () => redis.disconnect() };
  },

  async 'ioredis/sentinel'(addresses, name) {
    const redis = new Redis({
      sentinels: addresses,
      name: 'mymaster',
      connectionName: name,
      maxRetriesPerRequest: 0,
      commandTimeout: 6000,
      sentinelCommandTimeout: 1000,
    });
    redis.on('error', ignore);
    return { increment: (key) => redis.incr(key), end: () => redis.disconnect() };
  },

  async 'ioredis/cluster'(addresses, name) {
    const cluster = new Redis.Cluster(addresses, {
      retryDelayOnFailover: 0,
      slotsRefreshInterval: 2000,
      redisOptions: { connectionName: name, commandTimeout: 6000, connectTimeout: 1000 },
    });
    cluster.on('error', ignore);
    return { increment: (key) => cluster.incr(key), end: () => cluster.disconnect() };
  },

  async 'redis/standalone'(addresses, name) {
    const client = createClient({ name, socket: { ...addresses.at(-1), connectTimeout: 1000 } });
    client.on('error', ignore);
    await client.connect();
    return { increment: (key) => client.incr(key), end: () => client.destroy() };
  },

  async 'redis/sentinel'(addresses, name) {
    const sentinel = createSentinel({
      name: 'mymaster',
      sentinelRootNodes: addresses,
      maxCommandRediscovers: 0,
      nodeClientOptions: { name, socket: { connectTimeout: 1000 } },
      sentinelClientOptions: { socket: { connectTimeout: 1000 } },
    });
    sentinel.on('error', ignore);
    await sentinel.connect();
    return { increment: (key) => sentinel.incr(key), end: () => sentinel.destroy() };
  },

  // This one never looks for another node by itself when one goes away: it is made anew then.
  async 'redis/cluster'(addresses, name) {
    let cluster = null;
    const open = async () => {
      const opening = createCluster({
        rootNodes: addresses.map((address) => ({ socket: address })),
        defaults: { name, socket: { connectTimeout: 1000, reconnectStrategy: false } },
      });
      opening.on('error', ignore);
      await opening.connect();
      return opening;
    };
    const close = () => {
      try {
        cluster?.destroy();
      } catch {} // It is closed already.
      cluster = null;
    };
    const increment = async (key) => {
      cluster ??= await open();
      try {
        return await cluster.incr(key);
      } catch (error) {
        if (!/^[A-Z]+ /.test(error.message)) close();
        throw error;
      }
    };
    return { increment, end: close };
  },
};

// ------------------------------------------------------------------------------------------------ counting

function limited(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new LateError(`nothing for ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class LateError extends Error {}

const patience = setInterval(ignore, 1000); // The process lives until its input ends.
let isEnding = false;

async function count(run, name, addresses) {
  const report = (attempt) => process.stdout.write(`${JSON.stringify({ app: name, t: Date.now(), ...attempt })}\n`);
  let client = null;
  while (!isEnding) {
    try {
      client ??= await limited(ways[name](addresses, name));
      await limited(client.increment(`${run}:${name}`));
      report({});
    } catch (error) {
      report({ error: String(error.message ?? error) });
      if (error instanceof LateError) {
        client?.end();
        client = null;
      }
    }
    await sleep(PAUSE_MS);
  }
  client?.end();
}

const [run, ports, ...names] = process.argv.slice(2);
const addresses = ports.split(',').map((port) => ({ host: '127.0.0.1', port: Number(port) }));
console.log = console.error = ignore; // Libraries tell there what went wrong on their way to another Sentinel.
process.on('unhandledRejection', ignore); // `redis` leaves one when a Sentinel's connection takes too long.
const counting = Promise.all(names.map((name) => count(run, name, addresses)));
process.stdin.resume().on('end', async () => {
  isEnding = true;
  await counting;
  clearInterval(patience);
  process.exit(0); // Libraries that were told to end may keep a timer.
});
