// values.js - what a node's entries, applied in order up to its applied index, say of each key.
//
// In a playground a command's text is the word of its write, `key=value`. A live node tells commands as
// FAIRLEAD LOG shows them: words between spaces, quoted where they are not plain, cut off with three dots where
// they are long, calls of a transaction after "MULTI; ". What a command does that is not understood here is
// left open: the keys it names are `changed by` it.

// Words of one call: [{word, cut}]. Where the text was cut off within a quoted word, that one is the last.
export function wordsOf(call) {
  const words = [];
  for (const [, quoted, dots, open, plain] of call.matchAll(/"((?:[^"\\]|\\.)*)"(\.\.\.)?|"(.*)|([^\s"]+)/g)) {
    if (plain !== undefined) words.push({ word: plain.replace(/\.\.\.$/, ''), cut: plain.endsWith('...') });
    else if (open !== undefined) words.push({ word: unescape(open.replace(/\.\.\.$/, '')), cut: true });
    else words.push({ word: unescape(quoted), cut: dots !== undefined });
  }
  return words;
}

// Characters that can be shown are there as they are, other bytes as \xNN; together they are UTF-8.
function unescape(word) {
  const bytes = [...word.matchAll(/\\x([0-9a-f]{2})|\\?([^])/gu)].flatMap(([, hex, plain]) =>
    hex ? parseInt(hex, 16) : [...new TextEncoder().encode(plain)],
  );
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

// The calls of an entry, split at semicolons outside of quotes.
function callsOf(text) {
  return (text.match(/(?:"(?:[^"\\]|\\.)*"?|[^";])+/g) ?? []).map((call) => call.trim());
}

// What changes no value.
const KEEP_VALUES = new Set(['EXPIRE', 'PEXPIRE', 'EXPIREAT', 'PEXPIREAT', 'PERSIST', 'TOUCH', 'PUBLISH', 'MULTI']);
const CONDITIONS = new Set(['NX', 'XX', 'GET', 'IFEQ', 'IFGT']);

class Keys {
  constructor() {
    this.map = new Map();
  }

  put(key, index, fields) {
    this.map.delete(key); // The newest change comes last.
    this.map.set(key, { value: null, cut: false, by: '', index, ...fields });
  }

  apply(index, text, live) {
    if (live) this.applyCommand(index, text);
    else this.applyWrite(index, text);
  }

  applyWrite(index, text) {
    const at = text.indexOf('=');
    if (at > 0) this.put(text.slice(0, at), index, { value: text.slice(at + 1) });
  }

  // A transaction that watches keys may have been without effect: nothing is known of what it names.
  applyCommand(index, text) {
    const calls = callsOf(text);
    const guarded = calls[0]?.startsWith('WATCH ');
    for (const call of calls) {
      const words = wordsOf(call);
      if (words.length > 1) this.applyCall(index, words, guarded);
    }
  }

  applyCall(index, [{ word: name }, ...args], guarded) {
    const command = name.toUpperCase();
    const plain = !guarded && !args.slice(2).some(({ word }) => CONDITIONS.has(word.toUpperCase()));
    if (KEEP_VALUES.has(command) || command === 'WATCH') return;
    if (plain && command === 'SET' && args.length > 1) this.set(index, args[0], args[1]);
    else if (plain && /^P?SETEX$/.test(command) && args.length > 2) this.set(index, args[0], args[2]);
    else if (plain && command === 'MSET') this.setPairs(index, args);
    else if (plain && /^(DEL|UNLINK)$/.test(command)) args.forEach(({ word }) => this.map.delete(word));
    else if (plain && command.startsWith('FLUSH')) this.map.clear();
    else this.leaveOpen(index, command, args);
  }

  set(index, key, value) {
    this.put(key.word, index, { value: value.word, cut: value.cut });
  }

  setPairs(index, args) {
    for (let k = 0; k + 1 < args.length; k += 2) this.set(index, args[k], args[k + 1]);
  }

  leaveOpen(index, command, args) {
    args.forEach(({ word }, k) => {
      if (k === 0 || this.map.has(word)) this.put(word, index, { by: command });
    });
  }
}

// The node's keys as its applied entries leave them: a Map from key to {value, cut, by, index}; value is null
// where only the command `by` is known that changed it.
export function valuesOf(node, live) {
  const keys = new Keys();
  node.log.forEach(([, kind, text], k) => {
    const index = node.first + k;
    if (kind === 'c' && index <= node.applied) keys.apply(index, text, live);
  });
  return keys.map;
}

// A row for each key, those changed last first: {key, cells: [{node, value, cut, by, index, state}]}. `state` is
// `same` as on the node that has applied most, `behind` (it has not applied the entry yet), `unseen` (the entry that
// set it is older than what is shown of one of the two), or `differs`.
export function tableOf(view, rowsMax) {
  const nodes = view.nodes.map((node) => ({ node, values: valuesOf(node, view.live) }));
  const ahead = nodes.reduce((best, each) => (!best || each.node.applied > best.node.applied ? each : best), null);
  const newest = new Map();
  for (const { values } of nodes)
    for (const [key, { index }] of values) newest.set(key, Math.max(index, newest.get(key) ?? 0));
  const keys = [...newest].sort((a, b) => b[1] - a[1]);
  const rows = keys.slice(0, rowsMax).map(([key]) => ({
    key,
    cells: nodes.map(({ node, values }) => cellOf(node, values.get(key), ahead.values.get(key), ahead.node)),
  }));
  return { nodes: nodes.map(({ node }) => node), rows, left: Math.max(0, keys.length - rowsMax) };
}

function cellOf(node, mine, best, ahead) {
  const cell = { node: node.name, value: null, cut: false, by: '', index: 0, ...mine, present: mine !== undefined };
  return { ...cell, state: stateOf(node, cell, mine, best, ahead) };
}

function stateOf(node, cell, mine, best, ahead) {
  if (cell.value === (best?.value ?? null) && cell.by === (best?.by ?? '') && !mine === !best) return 'same';
  if ((best?.index ?? 0) > node.applied) return 'behind';
  const isUnseen = (!mine && best.index < node.first) || (!best && mine.index < ahead.first);
  return isUnseen ? 'unseen' : 'differs';
}
