// The checker must say no as well as yes: histories whose verdict is known.
import test from 'node:test';
import assert from 'node:assert/strict';
import { checkKey, models } from './linearizable.mjs';

const ok = (kind, argument, result, invoked, answered) => ({
  kind,
  argument,
  result,
  invoked,
  answered,
  outcome: 'ok',
});
const unknown = (kind, argument, invoked) => ({ kind, argument, invoked, outcome: 'unknown' });

test('a read after a write sees it', () => {
  assert.ok(checkKey([ok('set', 'a', 'OK', 1, 2), ok('get', null, 'a', 3, 4)]).ok);
});

test('a stale read is refused', () => {
  const history = [ok('set', 'a', 'OK', 1, 2), ok('set', 'b', 'OK', 3, 4), ok('get', null, 'a', 5, 6)];
  assert.ok(!checkKey(history).ok);
});

test('a lost write is refused', () => {
  assert.ok(!checkKey([ok('set', 'a', 'OK', 1, 2), ok('get', null, null, 3, 4)]).ok);
});

test('concurrent writes may take either order', () => {
  for (const seen of ['a', 'b']) {
    assert.ok(checkKey([ok('set', 'a', 'OK', 1, 4), ok('set', 'b', 'OK', 2, 3), ok('get', null, seen, 5, 6)]).ok);
  }
});

test('two reads must agree on the order of concurrent writes', () => {
  const history = [ok('set', 'a', 'OK', 1, 9), ok('set', 'b', 'OK', 1, 9)];
  history.push(ok('get', null, 'a', 2, 3), ok('get', null, 'b', 4, 5), ok('get', null, 'a', 6, 7));
  assert.ok(!checkKey(history).ok);
});

test('an unknown write may have happened, late or never', () => {
  const write = unknown('set', 'x', 1);
  assert.ok(checkKey([write, ok('get', null, null, 2, 3)]).ok);
  assert.ok(checkKey([write, ok('get', null, null, 2, 3), ok('get', null, 'x', 4, 5)]).ok);
  assert.ok(!checkKey([write, ok('get', null, 'x', 2, 3), ok('get', null, null, 4, 5)]).ok);
});

test('an unknown increment counts at most once', () => {
  const history = [unknown('incr', null, 1), ok('incr', null, 3, 2, 3)];
  assert.ok(!checkKey(history).ok);
  assert.ok(checkKey([unknown('incr', null, 1), ok('incr', null, 2, 2, 3)]).ok);
});

// A dumb twin: tries every order of a short history.
function dumb(operations) {
  const orders = (value, left) => {
    const must = left.filter((o) => o.outcome === 'ok');
    if (must.length === 0) return true;
    return left.some((o) => {
      if (left.some((p) => p !== o && p.outcome === 'ok' && p.answered < o.invoked)) return false;
      const [after, result] = models[o.kind](value, o.argument);
      if (o.outcome === 'ok' && result !== o.result) return false;
      return orders(after, left.filter((p) => p !== o));
    });
  };
  return orders(null, operations);
}

test('agrees with the search of all orders on short random histories', () => {
  let state = 12345;
  const random = (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor(state / 65536) % below;
  };
  let yes = 0;
  for (let k = 0; k < 3000; k++) {
    const history = [];
    for (let n = 0; n < 5; n++) {
      const invoked = random(10) * 2;
      const answered = invoked + 1 + random(6) * 2;
      const kind = ['get', 'set', 'incr', 'del'][random(4)];
      const argument = String(random(3));
      const result = { get: [null, '0', '1', '2'][random(4)], set: 'OK', incr: 1 + random(3), del: random(2) }[kind];
      history.push(random(5) === 0 ? unknown(kind, argument, invoked) : ok(kind, argument, result, invoked, answered));
    }
    const expected = dumb(history);
    yes += expected;
    assert.equal(checkKey(history).ok, expected, JSON.stringify(history));
  }
  assert.ok(yes > 100 && yes < 2900);
});
