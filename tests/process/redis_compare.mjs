// Sends the same bytes to a real Redis 7.0 and to Fairlead, and compares the answers byte for byte.
//
//   node redis_compare.mjs REDIS FAIRLEAD [--cluster REDIS,FAIRLEAD] [--seed N] [--count N] [--only-keys]
//
// REDIS and FAIRLEAD are HOST:PORT; those of --cluster are a Redis cluster of one node, which has all slots and
// announces its address, and a Fairlead of one node: what cluster clients ask is compared between them. Everything in
// the databases is deleted. First come scripted cases: every command with its options, and everything that can be wrong
// with them, in RESP2 and RESP3; then --count random commands on a few keys; then SCAN, as a set; then what a server
// says to bytes that are no request. --only-keys leaves out what is about a connection or a node. The Redis must run
// with --proto-max-bulk-len 64mb, Fairlead's limit for a value.
//
// Where the two cannot agree (times, identities), only the form is compared. Exit: 0 equal, 1 different, 2 usage.
import { connect } from 'node:net';
import { pathToFileURL } from 'node:url';

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// -------------------------------------------------------------------------------------------- the protocol

export function encode(words) {
  const parts = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = Buffer.isBuffer(word) ? word : Buffer.from(String(word));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

// The end of the reply that begins at `at`, or -1 if it is not all there.
function replyEnd(bytes, at) {
  for (let left = 1; left > 0; left--) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return -1;
    const type = String.fromCharCode(bytes[at]);
    const count = Number(bytes.toString('latin1', at + 1, line));
    at = line + 2;
    if ('$=!'.includes(type) && count >= 0) at += count + 2;
    else if ('*~>'.includes(type) && count > 0) left += count;
    else if (type === '%') left += 2 * count;
    if (at > bytes.length) return -1;
  }
  return at;
}

class Connection {
  static async open(address) {
    const self = new Connection();
    const colon = address.lastIndexOf(':');
    self.bytes = Buffer.alloc(0);
    self.ended = false;
    self.wake = () => {};
    self.socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)), noDelay: true });
    self.socket.on('data', (piece) => {
      self.bytes = Buffer.concat([self.bytes, piece]);
      self.wake();
    });
    const end = () => {
      self.ended = true;
      self.wake();
    };
    await new Promise((resolve, reject) => {
      self.socket.once('connect', resolve);
      self.socket.once('error', reject);
    });
    self.socket.on('error', end).on('close', end).on('end', end);
    return self;
  }

  send(bytes) {
    this.socket.write(bytes);
  }

  // The next reply; null at the end of the connection.
  async receive(ms = 10000) {
    const deadline = Date.now() + ms;
    for (;;) {
      const end = replyEnd(this.bytes, 0);
      if (end >= 0) {
        const reply = this.bytes.subarray(0, end);
        this.bytes = this.bytes.subarray(end);
        return reply;
      }
      if (this.ended) return null;
      const left = deadline - Date.now();
      if (left <= 0) return Buffer.from('(no reply)');
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  close() {
    this.socket.destroy();
  }
}

// ------------------------------------------------------------------------------------------ the comparison

const isError = (reply) => reply !== null && reply[0] === 0x2d;
const shape = (reply) => form(Buffer.from(reply.toString('latin1').replace(/\b[0-9a-f]{40}\b/g, 'ID')));
const form = (reply) => reply.toString('latin1').replace(/[0-9]+/g, '0');

const near = (distance) => (a, b) =>
  Math.abs(Number(a.toString().slice(1)) - Number(b.toString().slice(1))) <= distance;
const sorted = (reply) => reply.toString('latin1').split('\r\n').sort().join('\n');

// Replies that tell times or identities, or in no order: whether they agree as far as they can.
const loosely = {
  expiretime: near(1),
  pexpiretime: near(1000),
  keys: (a, b) => sorted(a) === sorted(b),
  'memory usage': (a, b) => Number(a.toString().slice(1)) > 0 && Number(b.toString().slice(1)) > 0,
  ttl: near(1),
  pttl: near(1000),
  time: (a, b) => form(a).length > 0 && form(a).split('\r\n')[0] === form(b).split('\r\n')[0],
  'client id': (a, b) => form(a) === form(b),
  hello: (a, b) => a[0] === b[0],
  info: (a, b) => a[0] === b[0],
  'client info': (a, b) => a[0] === b[0],
  'client list': (a, b) => a[0] === b[0],
  role: (a, b) => form(a).split('\r\n').slice(0, 4).join() === form(b).split('\r\n').slice(0, 4).join(),
  'cluster slots': (a, b) => shape(a) === shape(b),
  'cluster shards': (a, b) => shape(a) === shape(b),
  'cluster nodes': (a, b) => shape(a) === shape(b),
  'cluster info': (a, b) => shape(a) === shape(b),
  'cluster myid': (a, b) => shape(a) === shape(b),
};

function agree(words, a, b) {
  if (a === null || b === null) return a === b;
  if (a.equals(b)) return true;
  if (isError(a) || isError(b)) return false;
  const name = String(words[0]).toLowerCase();
  const check = loosely[name] ?? loosely[`${name} ${String(words[1] ?? '').toLowerCase()}`];
  return check !== undefined && a[0] === b[0] && check(a, b);
}

class Comparison {
  constructor(log) {
    this.log = log;
    this.compared = 0;
    this.differences = 0;
  }

  check(words, a, b) {
    this.compared++;
    if (agree(words, a, b)) return true;
    this.differences++;
    const show = (reply) => (reply === null ? '(closed)' : JSON.stringify(reply.toString('latin1').slice(0, 600)));
    const call = words.map((word) => String(word).slice(0, 80)).join(' ');
    this.log(`different: ${call}\n  redis     ${show(a)}\n  fairlead  ${show(b)}`);
    return false;
  }

  // The same commands on both, pipelined.
  async run(pair, commands) {
    for (let k = 0; k < commands.length; k += 200) {
      const batch = commands.slice(k, k + 200);
      const bytes = Buffer.concat(batch.map(encode));
      pair.forEach((connection) => connection.send(bytes));
      for (const words of batch) {
        const [a, b] = [await pair[0].receive(), await pair[1].receive()];
        this.check(words, a, b);
        if (a === null || b === null) return;
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------- the cases

const split = (line) => (line === '' ? [] : line.split(' ').map((word) => (word === "''" ? '' : word)));
const far = () => Math.floor(Date.now() / 1000) + 100000;

// A line is a command; '' stands for an empty argument. Each list begins with an empty database.
const keyCases = () => [
  ['get', 'get a b', 'get a', 'set a 1', 'get a', 'GET a', 'gEt a', 'mget', 'mget a b a', 'strlen a', 'strlen b',
    'strlen'],
  ['set a', 'set', 'set a 1 2', 'set a 1 ex', 'set a 1 px', 'set a 1 ex 0', 'set a 1 ex -1', 'set a 1 px 0',
    'set a 1 ex x', "set a 1 ex ''", 'set a 1 exat 0', 'set a 1 pxat -5', 'set a 1 exat x',
    'set a 1 ex 9223372036854775807', 'set a 1 ex 9223372036854775', 'set a 1 ex 9223372036854776',
    'set a 1 px 9223372036854775807', 'set a 1 ex 9223372036854775808', 'set a 1 pxat 9223372036854775807', 'pttl a',
    'set a 1 exat 9223372036854775', 'exists a'],
  ['set a 1 nx xx', 'set a 1 xx nx', 'set a 1 nx nx', 'set a 2 nx', 'set a 3 xx', 'get a', 'set b 1 xx',
    'set b 1 xx get', 'set a 4 get', 'set a 5 nx get', 'get a', 'set c 1 nx get', 'get c', 'set c 2 xx get',
    'set c 3 get get', 'set d 1 get xx', 'exists d', 'SET a 9 XX GET', 'set a 1 keepttl get nx'],
  ['set a 1 ex 100', 'ttl a', 'pttl a', 'set a 2', 'ttl a', 'set a 1 px 100000', 'ttl a', 'set a 2 keepttl', 'ttl a',
    'get a', 'set a 1 ex 100 keepttl', 'set a 1 keepttl ex 100', 'set a 1 ex 100 px 100', 'set a 1 ex 10 exat 100',
    'set a 1 ex 100 ex 200', 'ttl a', 'set a 1 ex 100 nx', 'set a 1 xx ex 50 get', 'ttl a', `set a 1 exat ${far()}`,
    'ttl a', `set a 1 pxat ${far()}000`, 'ttl a', 'set a 1 exat 1', 'get a', 'exists a', 'dbsize', 'set n 1 keepttl',
    'ttl n', 'set n 1 keepttl keepttl', 'set n 1 pxat 1 nx', 'get n', 'set n 2 xx pxat 1', 'get n',
    'set n 3 get exat 5', 'exists n'],
  ['mset', 'mset a', 'mset a 1 b', 'mset a 1 b 2', 'mget a b c', 'mset a 1 a 2', 'get a', 'expire a 100', 'mset a 3',
    'ttl a', 'setnx a', 'setnx a 1', 'setnx z 1', 'get z', 'getset a 5', 'getset new 1', 'getset a', 'expire a 100',
    'getset a 6', 'ttl a', 'getdel a', 'getdel a', 'getdel', 'exists a new z a b z', 'exists'],
  ['getrange', 'getrange a 0', 'getrange a 0 -1', 'set a 0123456789', 'getrange a 0 -1', 'getrange a 3 5',
    'getrange a -3 -2', 'getrange a -2 -3', 'getrange a 5 3', 'getrange a 8 100', 'getrange a 100 200',
    'getrange a -100 2', 'getrange a -100 -200', 'getrange a x 1', 'getrange a 1 x', 'substr a 1 2', 'set a \'\'',
    'getrange a 0 0', 'getrange a -1 -1', 'getrange a 1 0', 'set a 0123456789',
    'getrange a -9223372036854775808 9223372036854775807', 'getrange a 9223372036854775808 1', 'substr a 0'],
  ['setex', 'setex a 100', 'setex a 100 x', 'get a', 'ttl a', 'setex a 0 x', 'setex a -1 x', 'setex a x y', 'get a',
    'set a z', 'ttl a', 'psetex a 100000 x', 'ttl a', 'psetex a 0 x', 'psetex a -5 x', 'psetex a 1.5 x',
    'setex a 9223372036854775807 x', 'setex a 10 x y', 'psetex a 9223372036854775807 x', 'get a'],
  ['msetnx', 'msetnx a', 'msetnx a 1 b', 'msetnx a 1 b 2', 'mget a b', 'msetnx b 3 c 4', 'mget a b c', 'msetnx c 1 c 2',
    'get c', 'set d x', 'expire d 100', 'msetnx e 1 d 2', 'ttl d', 'get e'],
  ['append a', "append a ''", 'exists a', 'append a x', 'append a yz', 'get a', 'strlen a', 'expire a 100',
    'append a 1', 'ttl a'],
  ['setrange', 'setrange a 0', 'setrange a x y', "setrange a x ''", 'setrange a -1 x', "setrange a -1 ''",
    'setrange a 1.5 x', "setrange a 5 ''", 'exists a', "setrange a 67108864 ''", 'setrange a 3 xyz', 'get a',
    'strlen a', 'setrange a 0 AB', 'get a', "setrange a 100 ''", 'get a', 'setrange a 6 tail', 'get a',
    'setrange a 2 0123', 'get a', 'setrange a 67108863 xx', 'setrange a 67108864 x', 'setrange a 9223372036854775807 x',
    'setrange a 9223372036854775808 x', 'expire a 100', 'setrange a 1 zz', 'ttl a', 'get a', 'setrange b 67108863 xx',
    'exists b', "append b ''", 'setrange b 2 x', 'get b', 'getrange b 0 1', 'setrange a 0 x y'],
  ['getex', 'getex a', 'getex a ex x', 'getex a foo', 'set a 1', 'getex a', 'ttl a', 'getex a ex 100', 'ttl a',
    'getex a', 'ttl a', 'getex a persist', 'ttl a', 'getex a persist', 'getex a px 100000', 'ttl a',
    'getex a PERSIST persist', 'ttl a', 'getex a ex', 'getex a ex 0', 'getex a ex -1', 'getex a px 0', 'getex a px x',
    'getex a ex 1.5', 'getex a ex 9223372036854775807', 'getex a ex 9223372036854775', 'getex a px 9223372036854775807',
    'getex a ex 10 px 10', 'getex a ex 10 persist', 'getex a persist ex 10', 'getex a ex 10 ex 100', 'ttl a',
    'getex a keepttl', 'getex a nx', 'getex a get', 'set a 1 persist', 'set a 1 ex 10 persist', `getex a exat ${far()}`,
    'ttl a', `getex a PXAT ${far()}000`, 'ttl a', 'getex a exat 0', 'getex a pxat -5', 'getex a exat 1', 'exists a',
    'getex a exat 1', 'set a 2', 'getex a pxat 1', 'get a', 'dbsize', 'getex b ex 0', 'getex b exat x'],
  ['incrbyfloat', 'incrbyfloat a', 'incrbyfloat a 1', 'incrbyfloat a 0.1', 'incrbyfloat a -1.1', 'incrbyfloat a 3.0e3',
    'get a', 'incrbyfloat a 5.0E-1', 'incrbyfloat a +.5', 'incrbyfloat a 5.', 'incrbyfloat a -1e2', 'incrbyfloat a .',
    'incrbyfloat a +', 'incrbyfloat a e5', 'incrbyfloat a 1e', 'incrbyfloat a 1e+', 'incrbyfloat a 1e5.',
    'incrbyfloat a 1x', 'incrbyfloat a 1..2', "incrbyfloat a ''", 'incrbyfloat a --1', 'incrbyfloat a +-1',
    'incrbyfloat a inf', 'incrbyfloat a -inf', 'incrbyfloat a +Infinity', 'incrbyfloat a infinit', 'incrbyfloat a nan',
    'incrbyfloat a -nan', 'incrbyfloat a nan(1)', 'incrbyfloat a 1e5000', 'incrbyfloat a -1e99999999999999999999',
    'incrbyfloat a 1e-5000', 'incrbyfloat a 0e99999999999999999999', 'incrbyfloat a 1e-400', 'incrbyfloat a 1_0',
    'incrbyfloat a 1,5', 'get a', 'set a 10.50', 'incrbyfloat a 0.1', 'incrbyfloat a -5', 'incrbyfloat a 2.0e1',
    'incrbyfloat a -25.6', 'get a', 'incrbyfloat a -0.0', 'set a 5.0e3', 'incrbyfloat a 2.0e2', 'set a -0',
    'incrbyfloat a -0', 'set a 00012.5000', 'incrbyfloat a 000', 'set a 1e-17', 'incrbyfloat a 0', 'set a 1e-18',
    'incrbyfloat a 0', 'incrbyfloat a -1e-18', 'set a 0.99999999999999999', 'incrbyfloat a 0.00000000000000001',
    'set a abc', 'incrbyfloat a 1', 'incrbyfloat a inf', "set a ''", 'incrbyfloat a 1', 'set a inf', 'incrbyfloat a 1',
    'incrbyfloat a x', 'incrbyfloat a -inf', 'set a nan', 'incrbyfloat a 1', 'set a 3 ex 100', 'incrbyfloat a 1.5',
    'ttl a', 'incr a', 'incrbyfloat a -4.5', 'incr a', 'incrbyfloat b 1e15', 'incrbyfloat b 1', 'incrbyfloat b -1e15',
    'incrbyfloat c 9223372036854775807', 'incrbyfloat c -1', 'incr c', `incrbyfloat d ${'0'.repeat(300)}7`,
    `incrbyfloat e 0.${'0'.repeat(100)}1`, `incrbyfloat f 1${'0'.repeat(5100)}e-5100`,
    `incrbyfloat f ${'0'.repeat(5119)}`, `incrbyfloat f ${'0'.repeat(5120)}`, 'incrbyfloat f 1 2'],
  ['lcs', 'lcs a', 'lcs a b', 'lcs a b len', 'lcs a b idx', 'set a ohmytext', 'set b mynewtext', 'lcs a b',
    'lcs a b len', 'lcs a b idx', 'lcs a b idx withmatchlen', 'lcs a b IDX MINMATCHLEN 4',
    'lcs a b idx minmatchlen 4 withmatchlen', 'lcs a b idx minmatchlen 5', 'lcs a b idx minmatchlen -1',
    'lcs a b idx minmatchlen x', 'lcs a b minmatchlen', 'lcs a b len idx', 'lcs a b idx len', 'lcs a b foo',
    'lcs a b len len', 'lcs a b minmatchlen 4', 'lcs a b withmatchlen', 'lcs a a', 'lcs a a idx', 'lcs a x',
    'lcs x a len', 'lcs b a idx', 'set c abcabcabcabc', 'set d cbacbacba', 'lcs c d idx', 'lcs d c idx', 'lcs c d',
    'lcs d c', 'lcs c d idx minmatchlen 0 withmatchlen', 'setrange e 4095 x', 'setrange f 4094 x', 'lcs e f len',
    'lcs e e len', 'lcs f e len', 'lcs f f len', 'lcs f f idx withmatchlen', 'lcs e f idx', 'setrange g 16777215 x',
    'lcs g x', 'lcs x g len', 'setrange h 16777214 x', 'lcs h x', 'lcs x h idx', 'set i x', 'lcs i h', 'set h x',
    'lcs h i idx'],
  ['setbit', 'setbit a', 'setbit a 7', 'setbit a 7 2', 'setbit a x 1', 'setbit a -1 1', 'setbit a 7 x', 'setbit a 7 -1',
    'setbit a x 5', 'exists a', 'setbit a 7 0', 'get a', 'strlen a', 'setbit a 7 1', 'setbit a 7 1', 'setbit a 6 1',
    'get a', 'setbit a 7 0', 'get a', 'setbit a 100 1', 'strlen a', 'get a', 'setbit a 536870911 x',
    'setbit a 536870912 1', 'setbit a 4294967296 1', 'setbit a 9223372036854775808 1', 'getbit a 536870911',
    'getbit a 536870912', 'setbit a #1 1', 'getbit a #1', "setbit a '' 1", 'expire a 100', 'setbit a 3 1', 'ttl a',
    'getbit', 'getbit a', 'getbit a 3', 'getbit a 4', 'getbit a 10000', 'getbit a x', 'getbit a -1', 'getbit b 0',
    'getbit b x', 'set c 12345', 'setbit c 2 0', 'get c', 'incr c'],
  ['bitcount', 'bitcount a', 'bitcount a x', 'bitcount a 0 x foo', 'set a foobar', 'bitcount a', 'bitcount a 0 0',
    'bitcount a 1 1', 'bitcount a 0', 'bitcount a x', 'bitcount a 0 -1', 'bitcount a -2 -1', 'bitcount a -1 -2',
    'bitcount a 3 1', 'bitcount a 5 100', 'bitcount a 6 100', 'bitcount a -100 2', 'bitcount a -100 -90',
    'bitcount a 5 30 bit', 'bitcount a 5 30 BYTE', 'bitcount a 5 30 foo', 'bitcount a 5 30 bit bit',
    'bitcount a 1 1 bit', 'bitcount a 7 8 bit', 'bitcount a -9 -2 bit', 'bitcount a 0 -1 bit', 'bitcount a 47 47 bit',
    'bitcount a 48 50 bit', 'bitcount a -1000 -1 bit', 'bitcount a x 1', 'bitcount a 1 x', 'bitcount a 1 x foo',
    'bitcount a 9223372036854775807 1', 'bitcount a -9223372036854775808 9223372036854775807 bit', "set a ''",
    'bitcount a', 'bitcount a 0 -1', 'bitcount a -1 -1 bit', 'bitcount a 0 0', 'set a foobar',
    'bitcount a -1 -2 foo', 'bitcount a -2 -1 foo', 'bitcount a -1 -2 x y', 'bitcount a x -2 foo'],
  ['bitpos', 'bitpos a', 'bitpos a 0', 'bitpos a 1', 'bitpos a 2', 'bitpos a x', 'bitpos a 1 x', 'bitpos a -1',
    'setbit a 13 1', 'bitpos a 1', 'bitpos a 0', 'bitpos a 1 1', 'bitpos a 1 2', 'bitpos a 1 -1', 'bitpos a 0 1',
    'bitpos a 1 0 0', 'bitpos a 1 0 -1', 'bitpos a 1 0 12 bit', 'bitpos a 1 0 13 bit', 'bitpos a 1 13 13 bit',
    'bitpos a 1 14 -1 bit', 'bitpos a 0 13 13 bit', 'bitpos a 0 13 14 BIT', 'bitpos a 1 0 1 byte', 'bitpos a 1 0 1 foo',
    'bitpos a 1 0 x foo', 'bitpos a 1 x 0 foo', 'bitpos a 1 0 x bit', 'bitpos a 1 0 1 bit bit', 'bitpos a 1 3 1',
    'bitpos a 1 -1 -2', 'bitfield b set u32 0 4294967295', 'bitpos b 0', 'bitpos b 0 0', 'bitpos b 0 0 -1',
    'bitpos b 0 2', 'bitpos b 0 4', 'bitpos b 0 100', 'bitpos b 1 1', 'bitpos b 0 0 -1 bit', 'bitpos b 0 0 100 bit',
    'bitpos b 1 5 -3 bit', "set c ''", 'bitpos c 0', 'bitpos c 1', 'bitpos c 0 0', 'bitpos c 0 0 -1',
    'setrange d 300 x', 'bitpos d 1', 'bitpos d 1 7', 'bitpos d 0', 'bitpos d 1 0 299', 'bitpos d 1 0 2401 bit'],
  ['bitop', 'bitop and', 'bitop and d', 'bitop foo d a', 'bitop not d a b', 'bitop not d', 'bitop and d a', 'exists d',
    'set a foobar', 'set b abcdefghijklmnop', 'set c xyz', 'bitop and d a b', 'get d', 'bitop OR d a b', 'get d',
    'bitop xor d a b c', 'get d', 'bitop not d a', 'get d', 'bitop not d d', 'get d', 'bitop and d a b c', 'get d',
    'bitop and d a nosuch', 'get d', 'bitop or d a nosuch', 'get d', 'bitop xor d a a', 'get d', 'bitop or a a b',
    'get a', 'bitop xor b b b', 'get b', 'bitop xor b b a b', 'get b', 'bitop xor b a b', 'get b', 'bitop and c c a',
    'get c', 'bitop and c a c c', 'get c', 'bitop or d d', 'get d', 'expire d 100', 'bitop or d a', 'ttl d',
    'bitop not d nosuch', 'exists d', 'bitop not d nosuch', "set e ''", 'bitop or d e e', 'exists d',
    'set d long-long-long', 'bitop or d c', 'get d', 'set d x', 'bitop xor d c c d', 'get d'],
  ['bitfield', 'bitfield a', 'exists a', 'bitfield a get u8 0', 'exists a', 'bitfield a get u8', 'bitfield a get',
    'bitfield a foo', 'bitfield a set u8 0', 'bitfield a set u8 0 255 get u4 0 get i4 0', 'get a',
    'bitfield a get u64 0', 'bitfield a get i65 0', 'bitfield a get u0 0', 'bitfield a get i0 0', 'bitfield a get x8 0',
    'bitfield a get u 0', 'bitfield a get u08 0', 'bitfield a get U8 0', 'bitfield a get u8 x', 'bitfield a get u8 -1',
    'bitfield a get u8 #', 'bitfield a get u8 #-1', 'bitfield a get u8 #1', 'bitfield a set u8 0 x',
    'bitfield a set u8 0 1 get u8 x', 'bitfield a get u8 0', 'bitfield a set u8 #1 7 incrby u8 #1 3 get u16 0',
    'bitfield a incrby u8 0 -300', 'bitfield a overflow sat incrby u8 0 1000',
    'bitfield a OVERFLOW fail incrby u8 0 1 incrby u8 0 -1', 'bitfield a overflow foo', 'bitfield a overflow',
    'bitfield a overflow wrap', 'bitfield a overflow wrap overflow sat incrby u2 0 100 overflow fail incrby u2 0 100',
    'bitfield a get u8 0 overflow', 'bitfield a incrby i5 100 1 get u4 0', 'strlen a', 'bitfield a set i64 7 -1',
    'bitfield a get i64 7 get u63 8 get u1 6', 'bitfield a incrby i64 7 -9223372036854775808',
    'bitfield a overflow sat incrby i64 7 -9223372036854775808', 'bitfield a overflow fail incrby i64 7 -1',
    'bitfield a set u63 3 9223372036854775807', 'bitfield a incrby u63 3 1',
    'bitfield a overflow sat set u63 3 -1 get u63 3', 'bitfield a overflow fail set u63 3 -1',
    'bitfield a set i64 0 9223372036854775807 incrby i64 0 1', 'bitfield a set u8 0 -1',
    'bitfield a set i8 0 200 get i8 0', 'bitfield a overflow sat set i8 0 200 get i8 0',
    'bitfield a overflow sat set i8 0 -200 get i8 0', 'bitfield a overflow fail set i8 0 200 get i8 0',
    'bitfield new overflow fail set u8 100 256', 'strlen new', 'bitfield a get u8 536870911',
    'bitfield a get u8 536870912', 'bitfield a get u8 #67108863', 'bitfield a get u8 #67108864',
    'bitfield a set u8 536870912 1', 'bitfield a set u8 #999999999999 1', 'expire a 100', 'bitfield a set u8 0 9',
    'ttl a', 'get a', 'bitfield_ro', 'bitfield_ro a', 'bitfield_ro a get u8 0 get i3 5', 'bitfield_ro a set u8 0 1',
    'bitfield_ro a get u8 0 incrby u8 0 1', 'bitfield_ro a overflow sat get u8 0', 'bitfield_ro nosuch get u8 0',
    'bitfield_ro a foo', 'bitfield_ro a get u99 0', 'bitfield_ro a set u8 0 x',
    'bitfield_ro a set u8 536870911 1'],
  ['incr a', 'incr a', 'incr', 'incrby a 10', 'incrby a -3', 'incrby a x', 'incrby a 1.5',
    'incrby a 9223372036854775807', 'incrby a 9223372036854775808', 'decr a', 'decrby a 5', 'decrby a -5',
    'decrby a -9223372036854775808', 'decrby a x', 'get a', 'set b 9223372036854775807', 'incr b', 'incrby b 1',
    'decr b', 'incr b', 'set b -9223372036854775808', 'decr b', 'decrby b 1', 'incrby b -1', 'set c abc', 'incr c',
    'set c 01', 'incr c', 'set c -0', 'incr c', 'set c +1', 'incr c', "set c ''", 'incr c', 'set c 1.0', 'incr c',
    'set c -1', 'incr c', 'incr c', 'set c 10 ex 100', 'incr c', 'ttl c', 'incrby c 01', "incrby c ''", 'incrby c -0',
    'incrby c 0', 'decr c x', 'decrby c'],
  ['del', 'del a', 'mset a 1 b 2 c 3', 'del a b x a', 'unlink c c', 'unlink', 'dbsize', 'type a', 'set a 1', 'type a',
    'type', 'type a b'],
  ['expire a 10', 'set a 1', 'expire a', 'expire a x', 'expire a 10', 'ttl a', 'expire a 10 foo', 'expire a 20 nx',
    'ttl a', 'expire a 20 xx', 'ttl a', 'expire a 10 gt', 'ttl a', 'expire a 30 gt', 'ttl a', 'expire a 40 lt', 'ttl a',
    'expire a 25 lt', 'ttl a', 'expire a 10 nx xx', 'expire a 10 nx gt', 'expire a 10 nx lt', 'expire a 10 gt lt',
    'expire a 10 xx gt', 'ttl a', 'expire a 50 xx gt', 'ttl a', 'expire a 5 xx lt', 'ttl a', 'expire a 5 nx nx',
    'persist a', 'persist a', 'persist b', 'persist', 'ttl a', 'expire a 10 gt', 'expire a 10 xx', 'expire a 10 lt',
    'ttl a', 'persist a', 'expire a 10 nx', 'ttl a', 'expire a 0', 'exists a', 'set a 1', 'expire a -1', 'exists a',
    'set a 1', 'expire a -1 gt', 'exists a', 'expire a -1 lt', 'exists a', 'dbsize'],
  ['set a 1', 'expire a 9223372036854775807', 'expire a 9223372036854775', 'expire a -9223372036854775808',
    'expire a -9223372036854775', 'exists a', 'set a 1', 'pexpire a 9223372036854775807',
    'pexpire a -9223372036854775808', 'exists a', 'set a 1', 'expireat a 9223372036854775807',
    'expireat a 9223372036854775', 'exists a', 'pexpireat a 9223372036854775807', 'exists a',
    'pexpireat a 9223372036854775807 gt', 'pexpireat a -9223372036854775808', 'exists a',
    'expire a 9223372036854775807', 'expire b x', 'expire b 10 foo', 'expire b 10 foo\r\n',
    'expire b 10 fo\r\no\n\r', 'object \r\n', 'expire b 10 nx xx', 'pexpire', 'pexpireat a', 'expireat a'],
  ['set a 1', 'pexpire a 100000', 'pttl a', 'ttl a', `expireat a ${far()}`, 'ttl a', `pexpireat a ${far()}500`, 'ttl a',
    'pttl a', `pexpireat a ${far()}000 gt`, 'ttl a', 'expireat a 1', 'exists a', 'ttl a', 'pttl a', 'set a 1', 'ttl a',
    'pttl a', 'ttl', 'pttl', 'pexpireat a 1', 'get a', 'ttl a b'],
  ['expiretime a', 'pexpiretime a', 'set a 1', 'expiretime a', 'pexpiretime a', `expireat a ${far()}`, 'expiretime a',
    'pexpiretime a', `pexpireat a ${far()}499`, 'expiretime a', 'pexpiretime a', `pexpireat a ${far()}500`,
    'expiretime a', 'expire a 100', 'expiretime a', 'expiretime', 'expiretime a b', 'pexpiretime',
    'pexpireat a 9223372036854775807', 'pexpiretime a', 'pexpireat a 1', 'pexpiretime a'],
  ['rename', 'rename a', 'rename a b c', 'rename a b', 'rename a a', 'set a 1', 'rename a a', 'get a', 'rename a b',
    'mget a b', 'expire b 100', 'rename b a', 'ttl a', 'ttl b', 'set b x', 'rename b a', 'ttl a', 'get a',
    'set longer:key yy px 100000', 'rename longer:key a', 'get a', 'pttl a', 'rename a longer:key', 'get longer:key',
    "rename longer:key ''", "get ''", 'dbsize', 'exists a b longer:key'],
  ['renamenx', 'renamenx a b', 'set a 1', 'renamenx a a', 'renamenx a b', 'mget a b', 'set a 2', 'renamenx a b',
    'mget a b', 'expire a 100', 'renamenx a c', 'ttl c', 'renamenx nokey nokey'],
  ['copy', 'copy a', 'copy a b', 'copy a a', 'set a 1', 'copy a a', 'copy a a replace', 'copy a b', 'get b', 'copy a b',
    'set a 2', 'copy a b', 'get b', 'copy a b replace', 'get b', 'expire a 100', 'copy a c', 'ttl c', 'ttl b',
    'copy a b REPLACE replace', 'ttl b', 'set d x', 'copy d b replace', 'ttl b', 'copy a e db', 'copy a e db x',
    'copy a e db 0', 'copy a f db 1', 'copy a f db -1', 'copy a f db 2147483648', 'copy a f db 9223372036854775808',
    'copy a f foo', 'copy a f replace db 0 replace', 'get f', 'copy nokey f replace', 'get f', 'copy a a db 1',
    'copy nokey nokey', 'copy a g DB 0 db 1', 'dbsize'],
  ['move', 'move a', 'move a 0', 'set a 1', 'move a 0', 'move a 1', 'move a x', 'move a -1', 'move a 2147483648',
    'move nokey 0', 'swapdb', 'swapdb 0', 'swapdb 0 0', 'swapdb 0 1', 'swapdb 1 0', 'swapdb x 0', 'swapdb 0 x',
    'swapdb x x', 'swapdb 1 x', 'swapdb -1 0', 'swapdb 99 99', 'swapdb 0 99999999999', 'swapdb 0 0 0', 'get a'],
  ['touch', 'touch a', 'set a 1', 'touch a', 'touch a a b', 'randomkey x', 'randomkey', 'del a', 'randomkey', 'keys',
    'keys *', 'set a 1', 'keys *', 'keys a', 'keys b', 'keys ?', 'keys ??', "keys ''", "set '' x", "keys ''", 'keys *',
    'keys [^a]', 'keys [a', 'keys \\a', 'keys a\\',
    'keys a b', 'mset hello 1 hallo 2 hxllo 3 heeello 4', 'keys h?llo', 'keys h*llo', 'keys h[ae]llo', 'keys h[^e]llo',
    'keys h[a-b]llo'],
  ['object', 'object foo', 'object encoding', 'object encoding a', 'object encoding a b', 'set a 1',
    'object encoding a', 'object ENCODING a', 'set a 9223372036854775807', 'object encoding a',
    'set a 9223372036854775808', 'object encoding a', 'set a -1', 'object encoding a', 'set a -0', 'object encoding a',
    "set a ''", 'object encoding a', `set a ${'x'.repeat(44)}`, 'object encoding a', `set a ${'x'.repeat(45)}`,
    'object encoding a', 'object refcount a', 'object refcount b', 'set a 0', 'object refcount a', 'set a 9999',
    'object refcount a', 'set a 10000', 'object refcount a', 'set a -1', 'object refcount a', 'object idletime a',
    'object idletime b', 'object freq a', 'object freq b', 'object freq', 'object help x'],
  ['memory', 'memory foo', 'memory usage', 'memory usage a', 'set a 1', 'memory usage a', 'memory usage a samples',
    'memory usage a samples 0', 'memory usage a samples 5 samples 3', 'memory usage a SAMPLES -1',
    'memory usage a samples x', 'memory usage a foo 1', 'memory usage b foo', 'memory usage b samples x',
    'memory usage b samples 1', 'memory purge', 'memory purge x', 'memory help x'],
  ['command getkeys', 'command getkeys get', 'command getkeys get a', 'command getkeys get a b',
    'command getkeys foo a', 'command getkeys mset a 1 b 2', 'command getkeys mset a 1 b', 'command getkeys ping a',
    'command getkeys object encoding a', 'command getkeys object help', 'command getkeys object foo bar',
    'command getkeys object|encoding a b', 'command getkeys copy a b', 'command getkeys del a b c',
    'command getkeys memory usage a samples 5', 'command getkeys scan 0', 'command getkeys keys a',
    'command getkeysandflags', 'command getkeysandflags get a', 'command getkeysandflags set a 1',
    'command getkeysandflags set a 1 get', 'command getkeysandflags set a 1 ex 10 GET',
    'command getkeysandflags rename a b', 'command getkeysandflags renamenx a b',
    'command getkeysandflags copy a b replace', 'command getkeysandflags mset a 1 b 2',
    'command getkeysandflags ping x', 'command getkeysandflags del a b', 'command getkeysandflags foo x',
    'command getkeysandflags msetnx a 1', 'command getkeysandflags restore a 0 x',
    'command getkeysandflags object freq a'],
  ['dump', 'dump a', 'dump a b', 'set a 1', 'dump a', ...['0', '-1', '127', '128', '-128', '-129', '32767', '32768',
    '-32768', '-32769', '2147483647', '2147483648', '-2147483648', '-2147483649', '01', '-0', '+1', '1.5', "''",
    'hello', 'x'.repeat(20)].flatMap((value) => [`set a ${value}`, 'dump a'])],
  ['restore', 'restore a', 'restore a 0', 'restore a x y', 'restore a x y foo', 'restore a 0 y idletime',
    'restore a 0 y idletime x', 'restore a 0 y idletime -1', 'restore a 0 y freq -1', 'restore a 0 y freq 256',
    'restore a 0 y freq x', 'restore a 0 y idletime 1 freq 1', 'restore a 0 y freq 1 idletime 1', 'restore a -1 y',
    "restore a 0 ''", 'restore a 0 y', 'set a 1', 'restore a 0 y', 'restore a x y', 'restore a x y replace',
    'restore a 0 123456789 replace', 'restore a 0 1234567890 replace', 'get a'],
  ['flushall', 'set a 1', 'flushall async', 'dbsize', 'flushall sync', 'flushall foo', 'flushall async sync', 'flushdb',
    'flushdb async', 'flushdb SYNC', 'flushdb foo', 'dbsize', 'dbsize x', 'time', 'time x'],
  ['scan', 'scan x', 'scan -1 x', 'scan 1x', "scan ''", 'scan 0 count', 'scan 0 count 0', 'scan 0 count -1',
    'scan 0 count x', 'scan 0 match', 'scan 0 foo bar', 'scan 0 type', 'scan 0', 'scan 0 count 10',
    'scan 0 match * type string count 5', 'scan 0 type list', 'scan 0 type foo', 'scan 18446744073709551616', 'set a 1',
    'scan 0', 'scan 0 MATCH a', 'scan 0 match b', 'scan 0 TYPE STRING', 'scan 0 type hash', 'scan 0 match a match b',
    'scan 0 count 1000000000'],
  ['foo', 'foo a b', "foo ''", `foo ${'x'.repeat(300)}`, `${'y'.repeat(200)} 1`,
    `foo ${Array(60).fill('arg').join(' ')}`, 'get|x a', 'command foo', 'command count x', 'command docs nosuch',
    'command info nosuch', 'command list filterby', 'command list foo bar baz', 'command list filterby foo bar',
    'command list filterby module x', 'command list filterby aclcat nosuch', 'command list filterby pattern nosuch',
    'command list filterby pattern ge[t]', 'command list x'],
  ['multi', 'multi', 'set a 1', 'incr a', 'get a', 'exec', 'exec', 'discard', 'multi', 'discard', 'multi', 'exec',
    'multi', 'set a x', 'incr a', 'get a', 'del a b', 'exec', 'multi', 'foo', 'get a', 'exec', 'get a', 'multi', 'get',
    'exec', 'multi', 'set a 1 ex 0', 'set a 2 foo', 'set a 3', 'exec', 'get a', 'multi', 'mget a b', 'ttl a', 'type a',
    'strlen a', 'exec', 'multi x', 'exec x', 'discard x', 'multi', 'exec x', 'exec', 'multi', 'ping', 'echo x',
    'set m 1', 'dbsize', 'exec', 'multi', 'flushall', 'set a 1', 'exec', 'dbsize'],
  ['watch', 'watch a', 'unwatch', 'unwatch x', 'set a 1', 'watch a', 'multi', 'get a', 'exec', 'watch a', 'set a 2',
    'multi', 'get a', 'exec', 'get a', 'watch a b', 'watch c', 'multi', 'set b 1', 'exec', 'watch a', 'multi',
    'watch b', 'unwatch', 'set a 3', 'exec', 'get a', 'watch a', 'incr a', 'unwatch', 'multi', 'incr a', 'exec',
    'watch a', 'incr a', 'multi', 'discard', 'multi', 'incr a', 'exec', 'watch a', 'incr a', 'multi', 'exec', 'watch a',
    'incr a', 'multi', 'foo', 'exec', 'multi', 'exec', 'watch a', 'incr a', 'exec x', 'multi', 'incr a', 'exec',
    'watch a a', 'multi', 'incr a', 'exec', 'watch a', 'incr a', 'watch a', 'multi', 'incr a', 'exec', 'watch nosuch',
    'del nosuch', 'multi', 'ping', 'exec', 'watch nosuch', 'set nosuch 1', 'multi', 'ping', 'exec', 'watch a',
    'expire a 100', 'multi', 'ping', 'exec', 'watch a', 'persist a', 'multi', 'exec', 'watch a', 'flushall', 'multi',
    'ping', 'exec', 'watch a', 'flushall', 'multi', 'ping', 'exec', 'watch a', 'set b 1', 'multi', 'get b', 'exec',
    'unwatch'],
];

const connectionCases = () => [
  ['ping', 'ping a', 'ping a b', 'echo', 'echo a', 'echo a b', 'select', 'select 0', 'select x', 'select 99999', 'auth',
    'auth x', 'auth default x', 'auth a b c', 'hello x', 'hello 4', 'hello 1', 'hello 2 foo', 'hello 2 auth',
    'hello 2 auth default', 'hello 2 setname', "hello 2 setname 'a", 'hello 2', 'wait', 'wait x 0', 'wait 0 x',
    'wait 0 -1'],
  ['client', 'client foo', 'client id', 'client id x', 'client getname', 'client setname', 'client setname abc',
    'client getname', "client setname ''", 'client getname', 'client setname a\nb', 'client reply', 'client reply foo',
    'client reply on', 'client no-evict', 'client no-evict foo', 'client no-evict on', 'client no-evict off',
    'client info x', 'client list foo', 'client list type', 'client list type foo', 'client list id',
    'client list id x'],
  ['client kill', 'client kill foo', 'client kill 1.2.3.4:5', 'client kill id', 'client kill id x', 'client kill id 0',
    'client kill id -1 skipme no', 'client kill id 99999999', 'client kill id 99999999 skipme', 'client kill type foo',
    'client kill type master', 'client kill type replica', 'client kill type slave', 'client kill user nosuch',
    'client kill addr 1.2.3.4:5', 'client kill laddr 1.2.3.4:5', 'client kill skipme foo', 'client kill foo bar',
    'client kill type normal id 99999999 user default', 'client unblock', 'client unblock x', 'client unblock 99999999',
    'client unblock 99999999 error', 'client unblock 99999999 TIMEOUT', 'client unblock 99999999 foo',
    'client unblock 9 timeout x'],
  ['client pause', 'client pause x', 'client pause -1', 'client pause 1 foo', 'client pause 1 write x',
    'client pause 0 write', 'client pause 1', 'client unpause', 'client unpause x', 'client tracking',
    'client tracking foo', 'client tracking off', 'client trackinginfo', 'client trackinginfo x', 'client getredir',
    'client caching', 'client caching yes', 'client caching no'],
  ['slowlog', 'slowlog foo', 'slowlog get x', 'slowlog get -2', 'slowlog get 1 2', 'slowlog reset', 'slowlog reset x',
    'slowlog len x', 'slowlog get', 'slowlog get -1', 'slowlog get 0', 'slowlog len', 'latency', 'latency foo',
    'latency reset', 'latency reset a b', 'latency history', 'latency history command', 'latency latest',
    'latency latest x', 'latency graph', 'latency graph command', 'latency doctor x', 'function', 'function foo',
    'function flush', 'function flush sync', 'function flush ASYNC', 'function flush foo', 'function flush sync x',
    'function list', 'function list withcode', 'function list libraryname x withcode', 'function list libraryname',
    'function list foo', 'function list x y', 'function stats x', 'config resetstat', 'config resetstat x'],
  ['config rewrite', 'config rewrite x', 'config set hz x', 'config set timeout -1', 'config get timeout',
    'config set timeout x', 'config set slowlog-max-len x', 'config set slowlog-log-slower-than -2',
    'config set activedefrag maybe', 'config set lua-time-limit 4000', 'config get busy-reply-threshold',
    'config set lua-time-limit 5000 hz 10', 'config set daemonize yes', 'config set repl-backlog-size 1q',
    'config set repl-backlog-size 2mb', 'config get repl-backlog-size', 'config set repl-backlog-size 1048576',
    'config get slave-priority', 'config get notify-keyspace-events', "config set masterauth ''",
    'config set timeout 1 timeout 2', 'config set timeout', 'config set timeout 0 hz'],
  ['pubsub', 'pubsub foo', 'pubsub channels', 'pubsub channels a b', 'pubsub numsub', 'pubsub numsub a b',
    'pubsub numpat', 'pubsub numpat x', 'pubsub shardchannels', 'pubsub shardnumsub', 'pubsub shardnumsub a', 'publish',
    'publish a', 'publish a b', 'publish a b c', 'spublish a b', 'subscribe', 'psubscribe', 'ssubscribe', 'unsubscribe',
    'unsubscribe a', 'punsubscribe', 'punsubscribe a', 'sunsubscribe', 'sunsubscribe a', 'multi', 'publish a b',
    'unsubscribe a', 'exec', 'multi', 'subscribe a', 'ping', 'exec', 'ping', 'ping a', 'ping a b', 'get', 'foo',
    'psubscribe a', 'ssubscribe a', 'subscribe a', 'sunsubscribe', 'punsubscribe', 'unsubscribe', 'get a',
    'subscribe a', 'reset', 'get a'],
  ['subscribe a', 'get a', 'exec', 'multi', 'client id', 'client foo', 'hello 2 foo', 'unsubscribe', 'subscribe a',
    'quit'],
  ['config set notify-keyspace-events KEA', 'config get notify-keyspace-events', 'config set notify-keyspace-events q',
    'config set notify-keyspace-events KEAnm', 'config get notify-keyspace-events',
    'config set notify-keyspace-events mtdExg', 'config get notify-keyspace-events',
    'config set notify-keyspace-events nKg', 'config get notify-keyspace-events',
    "config set notify-keyspace-events ''", 'config get notify-keyspace-events'],
  ['config', 'config foo', 'config get', 'config set', 'config set nosuch 1', 'config set maxmemory',
    'config get nosuch'],
  ['reset', 'reset x', 'multi', 'set a 1', 'reset', 'exec', 'command help x', 'quit'],
];

// On nodes of clusters. The slot of {a} is 15495.
const clusterCases = () => [
  ['cluster', 'cluster foo', 'cluster slots', 'cluster slots x', 'cluster shards', 'cluster nodes', 'cluster info',
    'cluster myid', 'cluster links', 'cluster keyslot', "cluster keyslot ''", 'cluster keyslot a',
    'cluster keyslot {a}b', 'cluster keyslot b{a}{c}', 'cluster keyslot {}a', 'cluster keyslot {',
    'cluster keyslot a}b{a}', 'cluster replicas x', 'cluster slaves x', 'role', 'role x'],
  ['set {a} 1', 'set b{a} 2', 'cluster countkeysinslot 15495', 'cluster countkeysinslot 0',
    'cluster countkeysinslot -1', 'cluster countkeysinslot 16384', 'cluster countkeysinslot x',
    'cluster countkeysinslot', 'cluster getkeysinslot 15495 0', 'cluster getkeysinslot 15495 -1',
    'cluster getkeysinslot 16384 1', 'cluster getkeysinslot x 1', 'cluster getkeysinslot 0 x',
    'cluster getkeysinslot 0 100', 'del b{a}', 'cluster getkeysinslot 15495 100'],
  ['readonly', 'readonly x', 'get a', 'readwrite', 'readwrite x', 'asking', 'asking x', 'get a'],
];

// What a row of the table says, for every command that both have.
const discoveryNames = (`asking cluster|help cluster|info cluster|keyslot cluster|links cluster|myid cluster|nodes
  cluster|replicas cluster|shards cluster|slaves cluster|slots readonly readwrite role`).split(/\s+/);
const tableNames = (`command|getkeys command|getkeysandflags copy dump expiretime keys memory|doctor memory|help
  memory|malloc-stats memory|purge memory|stats memory|usage move object|encoding object|freq object|help
  object|idletime object|refcount pexpiretime randomkey rename renamenx restore swapdb touch append auth bitcount
  bitfield bitfield_ro bitop bitpos client|getname client|id client|info client|list client|no-evict client|reply
  client|setname command|count command|docs command|info command|list config|get config|set dbsize decr decrby del
  discard echo exec exists expire expireat flushall flushdb get getbit getdel getex getrange getset hello incr incrby
  incrbyfloat info lcs mget mset msetnx multi persist pexpire pexpireat ping psetex pttl quit psubscribe publish
  pubsub|channels pubsub|help pubsub|numpat pubsub|numsub pubsub|shardchannels pubsub|shardnumsub punsubscribe
  spublish ssubscribe subscribe sunsubscribe unsubscribe reset scan select set setbit setex setnx setrange strlen
  substr time ttl type unlink wait`).split(/\s+/);

// Bytes that are no request, each on a connection of its own; what follows the complaint is the end.
const wrongBytes = [
  '*x\r\n', '*-2147483649\r\n', '*99999999999\r\n', '*9999999999999999999999\r\n', '*1\r\n+GET\r\n', '*1\r\n$x\r\n',
  '*1\r\n$-1\r\n', '*1\r\n$99999999999\r\n', '*1\r\n$67108865\r\n', '*2\r\n$3\r\nGET\r\n:1\r\n', '*1\r\n$ 3\r\nGET\r\n',
  '*01\r\n', '*+1\r\n', 'set a "b\r\n', 'set a "b"c\r\n', "set a 'b'c\r\n", 'set "a\r\n', `${'x'.repeat(70000)}`,
  `*${'1'.repeat(70000)}`, `*1\r\n$${'1'.repeat(70000)}`,
];

// Bytes that are requests, although they do not look like it; then PING shows that the connection is in order.
const oddBytes = [
  '\r\n', '\n', '   \r\n', '*0\r\n', '*-1\r\n', 'set a b\n', 'set a b\r\n', 'get a\r\n', '  get   a  \r\n',
  '\tget\ta\r\n', 'set a "x y"\r\n', 'get a\r\n', "set a 'x y'\r\n", 'get a\r\n',
  'set a "\\x41\\n\\r\\t\\b\\a\\\\\\"\\q\\x4"\r\n', 'get a\r\n', "set a 'it\\'s \\n'\r\n", 'get a\r\n', 'set a ""\r\n',
  'get a\r\n', "set '' ''\r\n", "get ''\r\n", 'set a b"c d"\r\n', 'get a\r\n', '*2\r\n$3\r\nget\r\n$1\r\na\r\n',
  '*1\r\n$4\r\nping\r\n', '*1\r\n$4\r\nPiNgxx', '\r\r\n', 'ping\r\r\n',
];

// --------------------------------------------------------------------------------------- serialized values

const crc64Table = Array.from({ length: 256 }, (_, byte) => {
  let crc = BigInt(byte);
  for (let k = 0; k < 8; k++) crc = (crc >> 1n) ^ (crc & 1n ? 0x95ac9329ac4bc9b5n : 0n);
  return crc;
});

// What DUMP gives for a body: a type and a value.
function close(body, version = 10) {
  const footer = Buffer.alloc(10);
  footer.writeUInt16LE(version);
  let crc = 0n;
  for (const byte of Buffer.concat([body, footer.subarray(0, 2)]))
    crc = (crc >> 8n) ^ crc64Table[Number((crc ^ BigInt(byte)) & 255n)];
  footer.writeBigUInt64LE(crc, 2);
  return Buffer.concat([body, footer]);
}

// A value as DUMP gives it; now and then damaged.
function serialize(value, random) {
  const bytes = Buffer.from(value);
  const length = bytes.length < 64 ? [bytes.length] : [0x40 | (bytes.length >> 8), bytes.length & 255];
  const serialized = close(Buffer.concat([Buffer.from([0, ...length]), bytes]));
  if (random(8) === 0) serialized[random(serialized.length)] ^= 1 << random(8);
  return random(8) === 0 ? serialized.subarray(0, random(serialized.length)) : serialized;
}

// Bodies in every form, right and wrong. Redis alone takes a value that ends within what follows it, or before it ends:
// not here.
const bodies = [
  [0, 0],
  [0, 5, 1, 2, 3, 4, 5],
  [0, 0x40, 3, 1, 2, 3],
  [0, 0x80, 0, 0, 0, 2, 65, 66],
  [0, 0x81, 0, 0, 0, 0, 0, 0, 0, 2, 65, 66],
  [0, 0xc0, 0x85],
  [0, 0xc0, 7],
  [0, 0xc1, 0, 0x80],
  [0, 0xc1, 0xff, 0x7f],
  [0, 0xc2, 0, 0, 0, 0x80],
  [0, 0xc2, 1, 2, 3, 4],
  [0, 0xc3, 3, 3, 2, 65, 66],
  [0, 0xc3, 4, 3, 2, 65, 66, 67],
  [0, 0xc3, 5, 8, 0, 65, 0xa0, 0],
  [0, 0xc3, 4, 8, 0, 65, 0xa0, 0],
  [0, 0xc3, 5, 12, 0, 65, 0xe0, 2, 0],
  [0, 0xc3, 5, 13, 0, 65, 0xe0, 2, 0],
  [0, 0xc3, 4, 5, 0, 65, 0x40, 1],
  [0, 0xc3, 4, 4, 0, 65, 0x20, 0],
  [0, 0xc3, 4, 5, 0, 65, 0x40, 0],
  [0, 0xc3, 4, 3, 0, 65, 0x40, 0],
  [0, 0xc3, 2, 5, 0x20, 0],
  [0, 0xc4, 1],
  [0, 0xff],
  [0, 0x82],
  [255, 1],
  [1, 0],
  [2, 0],
  [200, 0],
].map((body) => close(Buffer.from(body)));

const dumpedValues = [
  '',
  '7',
  '-70000',
  'hello',
  'x'.repeat(21),
  'abc'.repeat(1000),
  'x'.repeat(100000),
  `${'ab'.repeat(40)}${'c'.repeat(300)}`,
  Buffer.from(Array.from({ length: 70000 }, (_, k) => (k * k * 31) >> 7)),
  '12345678901234567890123',
  'a'.repeat(16383),
  'b'.repeat(16384),
];

// Each restores what the other one dumped; other types are Redis' alone.
async function compareDumps(comparison, addresses) {
  const pair = await openPair(addresses, 2);
  const ask = async (connection, words) => {
    connection.send(encode(words));
    return connection.receive();
  };
  await comparison.run(pair, [
    ['flushall'],
    ...bodies.flatMap((body) => [
      ['restore', 'r', '0', body, 'replace'],
      ['get', 'r'],
    ]),
    ['restore', 'r', '0', close(Buffer.from([0, 1, 65]), 11), 'replace'],
    ['restore', 'r', '0', close(Buffer.from([0, 1, 65]), 1), 'replace'],
    ['restore', 'r', '100000', bodies[1]],
    ['restore', 'r', '100000', bodies[1], 'replace'],
    ['ttl', 'r'],
    ['restore', 'r', `${far()}000`, bodies[1], 'replace', 'absttl'],
    ['ttl', 'r'],
    ['restore', 'r', '1', bodies[1], 'replace', 'absttl'],
    ['exists', 'r'],
    ['restore', 'r', '1', bodies[1], 'absttl'],
    ['exists', 'r'],
    ['restore', 'r', '0', bodies[1], 'idletime', '5'],
    ['restore', 'r', '0', bodies[1], 'replace', 'FREQ', '5'],
    ['restore', 'r', '9223372036854775807', bodies[1], 'replace', 'absttl'],
    ['get', 'r'],
  ]);
  for (const value of dumpedValues) {
    await comparison.run(pair, [['set', 'from', value]]);
    const dumps = await Promise.all(pair.map((connection) => ask(connection, ['dump', 'from'])));
    const [ours, theirs] = dumps.map((reply) => reply.subarray(reply.indexOf('\r\n') + 2, reply.length - 2));
    await comparison.run(pair, [
      ['restore', 'ours', '0', ours, 'replace'],
      ['restore', 'theirs', '0', theirs, 'replace'],
      ['get', 'ours'],
      ['get', 'theirs'],
    ]);
  }
  for (const words of [
    ['rpush', 'l', 'a'],
    ['sadd', 's', '1'],
    ['hset', 'h', 'f', 'v'],
    ['zadd', 'z', '1', 'a'],
    ['xadd', 'x', '1-1', 'f', 'v'],
    ['rpush', 'l', 'x'.repeat(9000)],
  ]) {
    await ask(pair[0], words);
    const reply = await ask(pair[0], ['dump', words[1]]);
    const body = reply.subarray(reply.indexOf('\r\n') + 2, reply.length - 2);
    comparison.check(
      ['restore', `(of ${words[0]})`],
      Buffer.from('-ERR Bad data format\r\n'),
      await ask(pair[1], ['restore', 'o', '0', body]),
    );
  }
  pair.forEach((connection) => connection.close());
}

// ------------------------------------------------------------------------------------------ random commands

// xorshift32: the same on every machine.
function generator(seed) {
  let state = (seed | 0) || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const randomKeys = ['a', 'b', 'c', 'd', '', 'a\0b', 'key:1', 'key:2'];

function randomCommand(random) {
  const pick = (list) => list[random(list.length)];
  const key = () => pick(randomKeys);
  const number = () =>
    pick([
      '0',
      '1',
      '-1',
      '7',
      '100',
      '-100',
      '9223372036854775807',
      '-9223372036854775808',
      'x',
      '',
      '1.5',
      '+1',
      '01',
    ]);
  const value = () => pick([number(), 'abc', Buffer.from([0, 255, 13, 10]), 'x'.repeat(random(300))]);
  // Far off, and never the same twice: the two clocks differ.
  const later = () => 100000 + random(100000000);
  const seconds = () =>
    pick([String(later()), String(later()), '-1', '0', 'x', '9223372036854775807', '', '01', '-9223372036854775808']);
  const decimal = () =>
    pick([
      `${random(3)}.${random(100)}`,
      `-${random(3)}.5`,
      `-${random(20)}e-1`,
      `.${random(10)}`,
      '2.',
      '1e',
      'nan',
      '-0.0',
    ]);
  const bit = () => pick([String(random(2000)), String(random(100)), '536870912', 'x', '-1']);
  const place = () => pick([String(random(310) - 155), String(random(2500) - 1200), number()]);
  const fieldOperation = (name) => {
    if (name === 'overflow') return [name, pick(['wrap', 'sat', 'fail', 'SAT', 'foo'])];
    const width = 1 + random(64);
    const field = [pick([`i${width}`, `u${Math.min(width, 63)}`]), pick([String(random(300)), `#${random(30)}`])];
    // Redis saturates SET of a number close to the lowest one upwards (docs/decisions/008).
    const lowest = name === 'set' ? '-4611686018427387904' : '-9223372036854775808';
    const operand = () =>
      pick([String(random(300) - 150), String(random(2 ** 31)), '9223372036854775807', lowest, '-1']);
    return [name, ...field, ...(name === 'get' ? [] : [operand()])];
  };
  const fieldOperations = (names) => Array.from({ length: 1 + random(4) }, () => fieldOperation(pick(names))).flat();
  const condition = () => pick([[], [], ['nx'], ['xx'], ['get'], ['NX', 'GET'], ['xx', 'get']]);
  const expiry = () =>
    pick([
      [],
      [],
      ['ex', seconds()],
      ['PX', `${seconds()}000`],
      ['keepttl'],
      ['exat', String(far() + later())],
      ['pxat', '1'],
      ['ex'],
      ['ex', seconds(), 'keepttl'],
    ]);
  const expire = () => [
    pick(['expire', 'PEXPIRE', 'expireat', 'pexpireat']),
    key(),
    pick([seconds(), `${seconds()}000`, String(far() + later()), `${far() + later()}000`]),
    ...pick([[], [], ['nx'], ['xx'], ['gt'], ['lt'], ['xx', 'gt'], ['nx', 'lt'], ['foo']]),
  ];
  return pick([
    () => ['set', key(), value(), ...condition(), ...expiry()],
    () => ['set', key(), value(), ...expiry(), ...condition()],
    () => ['get', key()],
    () => ['mget', key(), key(), key()],
    () => ['mset', key(), value(), key(), value()],
    () => [pick(['setnx', 'getset', 'append']), key(), value()],
    () => [pick(['getrange', 'substr']), key(), number(), number()],
    () => [pick(['setex', 'psetex']), key(), pick([`${later()}000`, seconds()]), value()],
    () => ['msetnx', key(), value(), key(), value()],
    () => [pick(['getdel', 'strlen', 'incr', 'decr', 'type', 'persist', 'ttl']), key()],
    () => [pick(['incrby', 'decrby']), key(), number()],
    // A long double shows what it is told if that is small, or whole.
    () => (random(8) === 0 ? ['set', 'small', pick(['3', '0.25', '-1.5e1'])] : ['incrbyfloat', 'small', decimal()]),
    () => ['incrbyfloat', key(), pick(['1', '-7', '+2', '', 'x', 'inf', '1e'])],
    () => ['setrange', key(), pick([number(), String(random(400))]), value()],
    () => [
      'getex',
      key(),
      ...pick([
        [],
        ['persist'],
        ['ex', seconds()],
        ['PX', `${seconds()}000`],
        ['exat', String(far() + later())],
        ['pxat', '1'],
        ['ex'],
        ['foo'],
      ]),
    ],
    () => ['lcs', key(), key(), ...pick([[], ['len'], ['idx'], ['IDX', 'withmatchlen', 'MINMATCHLEN', number()]])],
    () => ['setbit', key(), bit(), pick(['0', '1'])],
    () => ['getbit', key(), bit()],
    () => [
      'bitcount',
      key(),
      ...pick([[], [place(), place()], [place(), place(), 'bit'], [place(), place(), 'byte'], [place()]]),
    ],
    () => [
      'bitpos',
      key(),
      pick(['0', '1']),
      ...pick([[], [place()], [place(), place()], [place(), place(), pick(['bit', 'byte'])]]),
    ],
    () => ['bitop', pick(['and', 'or', 'xor', 'not']), key(), key(), ...pick([[], [key()], [key(), key()]])],
    () => ['bitfield', key(), ...fieldOperations(['get', 'set', 'incrby', 'set', 'incrby', 'overflow'])],
    () => ['bitfield_ro', key(), ...fieldOperations(['get'])],
    () => [pick(['del', 'unlink', 'exists']), key(), key()],
    expire,
    expire,
    () => [pick(['rename', 'renamenx', 'RENAME']), key(), key()],
    () => [
      'copy',
      key(),
      key(),
      ...pick([[], [], ['replace'], ['db', '0'], ['REPLACE', 'DB', '0'], ['db', number()], ['foo']]),
    ],
    () => [pick(['touch', 'exists']), key(), key()],
    () => [pick(['expiretime', 'pexpiretime']), key()],
    () => ['keys', pick(['*', 'a*', '?', 'key:?', 'key:[^1]', key()])],
    // Not the largest numbers: where one is too late for Redis to count, it deletes the key.
    () => [
      'restore',
      key(),
      pick(['0', '0', String(later()), '-1', 'x', '', '01', '1.5']),
      serialize(value(), random),
      ...pick([[], ['replace'], ['REPLACE'], ['absttl'], ['replace', 'absttl'], ['idletime', number()], ['freq', '7']]),
    ],
    () => ['dbsize'],
    () => (random(40) === 0 ? [pick(['flushall', 'flushdb'])] : ['get', key()]),
  ])();
}

// Commands, some of them in transactions.
function randomCommands(random, count) {
  const commands = [];
  while (commands.length < count) {
    if (random(20) !== 0) {
      const command = randomCommand(random);
      // Redis counts an expired key until somebody asks for it.
      if (command[0] === 'dbsize') commands.push(['exists', ...randomKeys]);
      commands.push(command);
      continue;
    }
    commands.push(['multi']);
    for (let k = random(6); k > 0; k--) commands.push(randomCommand(random));
    commands.push([['exec'], ['exec'], ['discard']][random(3)]);
  }
  // Within EXEC, answers cannot be compared loosely.
  let queued = false;
  return commands.filter(([name]) => {
    if (name === 'multi') queued = true;
    if (name === 'exec' || name === 'discard') queued = false;
    return !(queued && ['ttl', 'dbsize', 'keys', 'expiretime', 'pexpiretime'].includes(name));
  });
}

// ------------------------------------------------------------------------------------------------ the parts

async function openPair(addresses, protocol) {
  const pair = await Promise.all(addresses.map((address) => Connection.open(address)));
  if (protocol === 3) {
    for (const connection of pair) {
      connection.send(encode(['hello', '3']));
      await connection.receive();
    }
  }
  return pair;
}

async function compareCases(comparison, addresses, protocol, lists) {
  for (const list of lists) {
    const pair = await openPair(addresses, protocol);
    await comparison.run(pair, [['flushall'], ...list.map(split)]);
    pair.forEach((connection) => connection.close());
  }
}

async function compareTable(comparison, addresses, protocol) {
  const pair = await openPair(addresses, protocol);
  await comparison.run(
    pair,
    [...tableNames, ...discoveryNames].flatMap((name) => [
      ['command', 'info', name],
      ['command', 'docs', name],
    ]),
  );
  await comparison.run(pair, [
    ['command', 'info', 'nosuch', 'GET'],
    ['command', 'docs', 'set', 'nosuch', 'get', 'client|id'],
  ]);
  pair.forEach((connection) => connection.close());
}

async function compareScan(comparison, addresses, random) {
  const pair = await openPair(addresses, 2);
  await comparison.run(pair, [
    ['flushall'],
    ...Array.from({ length: 500 }, (_, k) => ['set', `key:${random(1000)}`, k]),
  ]);
  const patterns = ['*', 'key:*', 'key:1?', 'key:[0-3]*', 'key:[^0-3]*', 'k\\ey:5*', '*9', 'nothing', '[k]*5'];
  for (const pattern of patterns) {
    const found = [];
    for (const connection of pair) {
      const keys = new Set();
      let cursor = '0';
      do {
        connection.send(encode(['scan', cursor, 'match', pattern, 'count', 1 + random(50)]));
        const words = (await connection.receive()).toString('latin1').split('\r\n');
        cursor = words[2];
        for (let k = 5; k < words.length; k += 2) keys.add(words[k]);
      } while (cursor !== '0');
      found.push(Buffer.from([...keys].sort().join(' ')));
    }
    comparison.check(['scan', '(all)', 'match', pattern], found[0], found[1]);
  }
  pair.forEach((connection) => connection.close());
}

async function compareBytes(comparison, addresses) {
  for (const bytes of wrongBytes) {
    const pair = await openPair(addresses, 2);
    pair.forEach((connection) => connection.send(Buffer.from(bytes, 'latin1')));
    for (const what of ['(wrong)', '(then)']) {
      const replies = [await pair[0].receive(3000), await pair[1].receive(3000)];
      comparison.check([what, JSON.stringify(bytes.slice(0, 60))], ...replies);
    }
    pair.forEach((connection) => connection.close());
  }
  const pair = await openPair(addresses, 2);
  for (const bytes of oddBytes) {
    pair.forEach((connection) =>
      connection.send(Buffer.concat([Buffer.from(bytes, 'latin1'), encode(['echo', 'next'])])),
    );
    for (let end = false; !end;) {
      const replies = [await pair[0].receive(), await pair[1].receive()];
      const same = comparison.check(['(odd)', JSON.stringify(bytes)], ...replies);
      end = !same || replies[0] === null || replies[0].toString() === '$4\r\nnext\r\n';
    }
  }
  // One byte at a time.
  for (const byte of encode(['set', 'slow', 'x y'])) {
    pair.forEach((connection) => connection.send(Buffer.from([byte])));
    await wait(1);
  }
  comparison.check(['set', 'slow'], await pair[0].receive(), await pair[1].receive());
  pair.forEach((connection) => connection.close());
}

// What a listener and a publisher hear: [who, command, replies to the listener, replies to the publisher]. No channel
// is heard by two patterns, whose order is chance in Redis.
const messageSteps = [
  ['listener', 'subscribe a b a', 3, 0],
  ['listener', 'psubscribe a* a* c?', 3, 0],
  ['listener', 'ssubscribe a s', 2, 0],
  ['publisher', 'publish a hello', 2, 1],
  ['publisher', 'publish b', 0, 1],
  ['publisher', "publish b ''", 1, 1],
  ['publisher', 'publish cx m', 1, 1],
  ['publisher', 'publish A nobody', 0, 1],
  ['publisher', 'publish abc far', 1, 1],
  ['publisher', 'spublish a shard', 1, 1],
  ['publisher', 'spublish b nobody', 0, 1],
  ['publisher', 'multi', 0, 1],
  ['publisher', 'publish b 1', 0, 1],
  ['publisher', 'publish b 2', 0, 1],
  ['publisher', 'exec', 2, 1],
  ['publisher', 'pubsub numsub a b c', 0, 1],
  ['publisher', 'pubsub numpat', 0, 1],
  ['publisher', 'pubsub shardnumsub a s', 0, 1],
  ['publisher', 'pubsub channels b*', 0, 1],
  ['listener', 'ping', 1, 0],
  ['listener', 'ping x', 1, 0],
  ['listener', 'get a', 1, 0],
  ['listener', 'unsubscribe a a', 2, 0],
  ['listener', 'punsubscribe c?', 1, 0],
  ['publisher', 'publish a hello', 1, 1],
  ['listener', 'punsubscribe', 1, 0],
  ['listener', 'sunsubscribe a s', 2, 0],
  ['publisher', 'publish a nobody', 0, 1],
  ['listener', 'unsubscribe', 1, 0],
  ['listener', 'unsubscribe', 1, 0],
  ['listener', 'get a', 1, 0],
  ['publisher', 'mset k1 a k2 b k3 c', 0, 1],
  ['publisher', 'config set notify-keyspace-events KEg', 0, 1],
  ['listener', 'psubscribe __key*', 1, 0],
  ['publisher', 'del k1 nosuch', 2, 1],
  ['publisher', 'expire k2 100', 2, 1],
  ['publisher', 'persist k2', 2, 1],
  ['publisher', 'persist k2', 0, 1],
  ['publisher', 'rename k2 k9', 4, 1],
  ['publisher', 'copy k9 k8', 2, 1],
  ['publisher', 'multi', 0, 1],
  ['publisher', 'unlink k9', 0, 1],
  ['publisher', 'expire k3 -1', 0, 1],
  ['publisher', 'exec', 4, 1],
  ['publisher', 'config set notify-keyspace-events KE$m', 0, 1],
  ['publisher', 'set s 1', 2, 1],
  ['publisher', 'incr s', 2, 1],
  ['publisher', 'append s 0', 2, 1],
  ['publisher', 'mget s nosuch', 2, 1],
  ['publisher', 'config set notify-keyspace-events KE$gxn', 0, 1],
  ['publisher', 'set past 1 pxat 1', 8, 1],
  ['publisher', 'set s 1 exat 1', 6, 1],
  ['publisher', "config set notify-keyspace-events ''", 0, 1],
  ['publisher', 'del k8', 0, 1],
  ['listener', 'punsubscribe', 1, 0],
  ['listener', 'client reply off', 0, 0],
  ['listener', 'subscribe a', 1, 0],
  ['publisher', 'publish a hello', 1, 1],
  ['listener', 'unsubscribe', 1, 0],
  ['listener', 'client reply on', 1, 0],
];

async function compareMessages(comparison, addresses, protocol) {
  const pairs = { listener: await openPair(addresses, protocol), publisher: await openPair(addresses, protocol) };
  const steps =
    protocol === 3
      ? [...messageSteps, ['listener', 'subscribe own', 1, 0], ['listener', 'publish own m', 2, 0]]
      : messageSteps;
  for (const [who, line, heard, answered] of steps) {
    pairs[who].forEach((connection) => connection.send(encode(split(line))));
    for (const [side, count] of [['listener', heard], ['publisher', answered]])
      for (let k = 0; k < count; k++)
        comparison.check([`(${side})`, line], await pairs[side][0].receive(), await pairs[side][1].receive());
  }
  Object.values(pairs).flat().forEach((connection) => connection.close());
}

// Compares two servers; returns { compared, differences }.
export async function compare(
  redis,
  fairlead,
  { seed = 1, count = 20000, onlyKeys = false, clusters = [], log = console.log } = {},
) {
  const addresses = [redis, fairlead];
  const comparison = new Comparison(log);
  const random = generator(seed);
  for (const protocol of [2, 3]) {
    await compareCases(comparison, addresses, protocol, keyCases());
    if (!onlyKeys) await compareCases(comparison, addresses, protocol, connectionCases());
    if (!onlyKeys) await compareMessages(comparison, addresses, protocol);
    if (clusters.length === 2) await compareCases(comparison, clusters, protocol, clusterCases());
    await compareTable(comparison, addresses, protocol);
    const pair = await openPair(addresses, protocol);
    await comparison.run(pair, [['flushall'], ...randomCommands(random, count / 2)]);
    pair.forEach((connection) => connection.close());
  }
  await compareScan(comparison, addresses, random);
  await compareDumps(comparison, addresses);
  await compareBytes(comparison, addresses);
  return { compared: comparison.compared, differences: comparison.differences };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const words = process.argv.slice(2);
  const addresses = words.filter((word, k) => word.includes(':') && !words[k - 1]?.startsWith('--'));
  const option = (name, otherwise) => (words.includes(name) ? Number(words[words.indexOf(name) + 1]) : otherwise);
  if (addresses.length !== 2) {
    console.error(
      'usage: node redis_compare.mjs REDIS FAIRLEAD [--cluster REDIS,FAIRLEAD] [--seed N] [--count N] [--only-keys]',
    );
    process.exit(2);
  }
  const result = await compare(addresses[0], addresses[1], {
    seed: option('--seed', 1),
    count: option('--count', 20000),
    clusters: words.includes('--cluster') ? words[words.indexOf('--cluster') + 1].split(',') : [],
    onlyKeys: words.includes('--only-keys'),
  });
  console.log(`${result.compared} replies compared, ${result.differences} different`);
  process.exit(result.differences === 0 ? 0 : 1);
}
