// The source of a live page: what it makes of messages, and of a connection that is lost or refused. An EventSource
// and a clock made by hand stand for the browser's.
//
//   node --test tests/web/live_test.mjs
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { LiveSource } from '../../web/live.js';

const ADDRESS = new URL('http://node/live');
let streams;

class FakeStream {
  isClosed = false;
  listeners = {};

  constructor(address) {
    this.address = address;
    streams.push(this);
  }

  addEventListener(type, listener) {
    this.listeners[type] = listener;
  }

  // What a listener throws is thrown.
  tell(type, data) {
    this.listeners[type]({ data: typeof data === 'string' ? data : JSON.stringify(data) });
  }

  close() {
    this.isClosed = true;
  }
}

// Time that passes when it is told to; Node's own mock has another form in each version.
const clock = {
  now: 0,
  timers: new Map(),
  set(act, ms) {
    const id = Symbol('timer');
    clock.timers.set(id, { act, at: clock.now + ms });
    return id;
  },
  tick(ms) {
    clock.now += ms;
    for (const [id, { act, at }] of clock.timers) if (at <= clock.now && clock.timers.delete(id)) act();
  },
};
globalThis.setTimeout = clock.set;
globalThis.clearTimeout = (id) => clock.timers.delete(id);

beforeEach(() => {
  streams = [];
  globalThis.EventSource = FakeStream;
  clock.now = 0;
  clock.timers.clear();
});

const viewOf = (time_us) => ({ time_us, live: true, nodes: [], flying: [] });
const event = (sequence) => ({ event: 'leader', node: 'n1', sequence, wall_us: 7 });

test('a view is a step, with the events that came before it, each told once', () => {
  const source = new LiveSource(ADDRESS);
  const [stream] = streams;
  stream.tell('events', [event(1), event(2)]);
  stream.tell('view', viewOf(10));
  stream.tell('events', [event(2), event(3)]);
  stream.tell('view', viewOf(20));
  assert.equal(source.length, 2);
  assert.deepEqual([0, 1].map((k) => source.events(k).map(({ sequence }) => sequence)), [[1, 2], [3]]);
  assert.equal(source.view(1).time_us, 20);
});

const member = (name, up, problem = '') => (up ? { name, up } : { name, up, problem });

test('that a member does not answer any more, or does again, is an event, told by no node', () => {
  const source = new LiveSource(ADDRESS);
  const [stream] = streams;
  const tell = (...nodes) => stream.tell('view', { ...viewOf(10), wall_us: 70, nodes });
  tell(member('n1', true), member('n2', false), member('n3', false, 'nothing listens there'));
  tell(member('n1', true), member('n2', true), member('n3', false, 'nothing listens there'));
  tell(member('n1', true), member('n2', false, 'nothing listens there'), member('n3', true));
  tell(member('n1', true), member('n2', false, 'it said nothing for 1 s'), member('n3', true));
  tell(member('n1', true), member('n2', false), member('n3', false));
  stream.tell('events', [{ event: 'opened', node: 'n2', sequence: 1, wall_us: 60 }]);
  tell(member('n1', true), member('n2', true), member('n3', true));
  const told = [0, 1, 2, 3, 4, 5].map((k) =>
    source.events(k).map(({ event, node, wall_us }) => `${event} ${node} ${wall_us}`),
  );
  assert.deepEqual(told, [[], [], ['silent n2 70', 'answers n3 70'], [], [], ['opened n2 60']]);
  assert.equal(source.events(2)[0].text, 'does not answer: nothing listens there');
});

test('a message that cannot be read is passed over', () => {
  const source = new LiveSource(ADDRESS);
  const [stream] = streams;
  stream.tell('view', '{"time_us":1,"no');
  stream.tell('events', '');
  stream.tell('view', viewOf(20));
  assert.equal(source.length, 1);
  assert.equal(source.connected, true);
});

test('a connection that is lost or refused is made again, after a pause that grows, and begins anew with a view', () => {
  const source = new LiveSource(ADDRESS);
  let changes = 0;
  source.onchange = () => changes++;
  streams[0].tell('view', viewOf(1));
  assert.equal(source.connected, true);
  for (const pause of [500, 1000, 2000, 4000, 8000, 8000]) {
    const stream = streams.at(-1);
    const count = streams.length;
    stream.onerror();
    assert.equal(stream.isClosed, true);
    assert.equal(source.connected, false);
    clock.tick(pause - 1);
    assert.equal(streams.length, count);
    clock.tick(1);
    assert.equal(streams.length, count + 1);
  }
  assert.equal(changes, 7);
  assert.equal(source.length, 1);
  streams.at(-1).tell('view', viewOf(2));
  assert.deepEqual([source.connected, source.length], [true, 2]);
  streams.at(-1).onerror();
  const count = streams.length;
  clock.tick(500);
  assert.equal(streams.length, count + 1);
});

test('who closes it is not connected again', () => {
  const source = new LiveSource(ADDRESS);
  streams[0].onerror();
  source.close();
  clock.tick(60000);
  assert.equal(streams.length, 1);
});

test('opening waits for the first view, and says each time that it did not come', async () => {
  let waits = 0;
  const opened = LiveSource.open({ onwait: () => waits++, address: ADDRESS });
  streams[0].onerror();
  clock.tick(500);
  streams[1].onerror();
  clock.tick(1000);
  streams[2].tell('view', viewOf(3));
  const source = await opened;
  assert.equal(waits, 2);
  assert.equal(source.view(0).time_us, 3);
});
