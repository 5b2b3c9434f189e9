// Is the history of one key linearizable? (Wing and Gong's search, with Lowe's memory of visited states.)
//
// An operation: { kind, argument, outcome, result, invoked, answered, client }.
//   kind      a name in `models`
//   outcome   "ok": it took effect between invoked and answered, and gave `result`;
//             "unknown": it took effect once after `invoked`, or never. (What certainly had no effect is left out.)
// A history is linearizable if there is one order of its operations that explains every result, in which whatever was
// answered before another was invoked also comes before it (Herlihy and Wing).
//
// The checker knows nothing of Raft, of the log or of the server.

// Each takes the value before (null: none) and gives [the value after, the result that a client would see].
export const models = {
  get: (value) => [value, value],
  set: (value, argument) => [argument, 'OK'],
  setnx: (value, argument) => (value === null ? [argument, 1] : [value, 0]),
  getset: (value, argument) => [argument, value],
  append: (value, argument) => {
    const after = (value ?? '') + argument;
    return [after, after.length];
  },
  incr: (value) => {
    const after = Number(value ?? '0') + 1;
    return [String(after), after];
  },
  del: (value) => [null, value === null ? 0 : 1],
};

const lasting = (operation) => operation.outcome === 'ok';

// Calls and returns of all operations in the order of time, as a doubly linked list that operations are lifted out of.
function makeList(operations) {
  const events = [];
  operations.forEach((operation, id) => {
    events.push({ time: operation.invoked, isCall: true, id, operation });
    if (lasting(operation)) events.push({ time: operation.answered, isCall: false, id, operation });
  });
  // At the same instant calls come first: that allows more orders, never fewer.
  events.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : Number(b.isCall) - Number(a.isCall)));
  const head = { next: null, previous: null };
  let last = head;
  const returns = new Map();
  for (const event of events) {
    event.previous = last;
    event.next = null;
    last.next = event;
    last = event;
    if (!event.isCall) returns.set(event.id, event);
  }
  for (const event of events) if (event.isCall) event.matching = returns.get(event.id) ?? null;
  return head;
}

function unlink(event) {
  event.previous.next = event.next;
  if (event.next) event.next.previous = event.previous;
}

function relink(event) {
  event.previous.next = event;
  if (event.next) event.next.previous = event;
}

function lift(call) {
  unlink(call);
  if (call.matching) unlink(call.matching);
}

function unlift(call) {
  if (call.matching) relink(call.matching);
  relink(call);
}

// Whether applying the operation to `value` explains what its client saw; the value after it, or undefined.
function step(operation, value) {
  const [after, result] = models[operation.kind](value, operation.argument);
  return !lasting(operation) || result === operation.result ? after : undefined;
}

// A set of operations as two 32-bit numbers: each operation has its own two, and a set is all of them by exclusive or
// (Zobrist). Two sets that look alike by chance would hide an order, which is so improbable (2^-64 for each pair) that
// nobody sees it.
class Fingerprint {
  constructor(count) {
    this.low = this.high = 0;
    this.numbers = Uint32Array.from({ length: 2 * count }, () => Math.floor(Math.random() * 2 ** 32));
  }

  toggle(id) {
    this.low ^= this.numbers[2 * id];
    this.high ^= this.numbers[2 * id + 1];
  }
}

// Returns { ok: true }, or { ok: false, stuck } with the operation that no order explains.
export function checkKey(operations) {
  const head = makeList(operations);
  const seen = new Set();
  const done = new Fingerprint(operations.length);
  const stack = [];
  let value = null;
  let remaining = operations.filter(lasting).length;
  let furthest = -1;
  let stuck = null;
  let event = head.next;
  while (remaining > 0) {
    if (event && event.isCall) {
      const after = step(event.operation, value);
      done.toggle(event.id);
      const key = after === undefined ? '' : `${done.low} ${done.high} ${after}`;
      if (after !== undefined && !seen.has(key)) {
        seen.add(key);
        stack.push({ call: event, value });
        value = after;
        if (event.matching) remaining--;
        lift(event);
        event = head.next;
        continue;
      }
      done.toggle(event.id);
      event = event.next;
      continue;
    }
    // A return comes before every call that is left (or the list ends): this order is a dead end.
    if (stack.length > furthest) {
      furthest = stack.length;
      stuck = event?.operation ?? null;
    }
    const back = stack.pop();
    if (!back) return { ok: false, stuck };
    value = back.value;
    done.toggle(back.call.id);
    if (back.call.matching) remaining++;
    unlift(back.call);
    event = back.call.next;
  }
  return { ok: true };
}

// Checks a history over many keys: operations also have `key`. Returns the list of failures, empty if there are none.
export function checkHistory(operations) {
  const byKey = new Map();
  for (const operation of operations) {
    if (!byKey.has(operation.key)) byKey.set(operation.key, []);
    byKey.get(operation.key).push(operation);
  }
  const failures = [];
  for (const [key, list] of byKey) {
    const verdict = checkKey(list);
    if (!verdict.ok) failures.push({ key, stuck: verdict.stuck, operations: list.length });
  }
  return failures;
}
