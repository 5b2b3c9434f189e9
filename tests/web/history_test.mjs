// What the timeline knows of a story and of a live cluster: terms, marks, and what the news is.
//
//   node --test tests/web/history_test.mjs
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { History, newsOf } from '../../web/panels/history.js';
import { sentence } from '../../web/panels/sentences.js';
import { translate } from '../../web/strings.js';
import { FakeSource, node, view } from './panels_source.mjs';

const SECOND_US = 1e6;

// A live source: each moment is [second, term of the cluster, events]; an event is [second, name, node, fields].
function live(...moments) {
  const nodes = (term) => ['n1', 'n2', 'n3'].map((name) => node(name, [], { term }));
  const views = moments.map(([second, term]) => view(nodes(term), { live: true, wall_us: second * SECOND_US }));
  const told = moments.map(([, , ...events]) =>
    events.map(([second, event, name, fields]) => ({ event, node: name, wall_us: second * SECOND_US, ...fields })));
  return { kind: 'live', first: 0, length: views.length, view: (k) => views[k], events: (k) => told[k] };
}

function historyOf(source) {
  const history = new History();
  history.catchUp({ source, epoch: 0 });
  return history;
}

const begins = (history) => history.terms.map(({ term, step }) => [term, step]);
const BEFORE = [[1, 'leader', 'n1', { term: 3 }], [1, 'truncated', 'n2', { term: 2 }]];

test('a live quiet spell keeps its term, and what happened before the page came is marked nowhere', () => {
  const source = live(
    [10, 3, ...BEFORE],
    [16, 3, [16, 'silent', 'n1'], [15.9, 'precandidate', 'n3', { term: 3 }]],
    [17, 4, [16.75, 'leader', 'n3', { term: 4 }]],
  );
  const history = historyOf(source);
  assert.deepEqual(begins(history), [[3, -0.5], [4, 1.75]]);
  assert.deepEqual([history.marked('leader'), history.marked('conflict'), history.marked('crash')], [[1.75], [], [1]]);
});

test('an event that comes late is marked where it happened, and its term begins there', () => {
  const source = live(
    [10, 3],
    [20, 3],
    [21, 4],
    [22, 4, [15, 'leader', 'n2', { term: 4 }], [17.5, 'opened', 'n1', { term: 3 }]],
  );
  const history = historyOf(source);
  assert.deepEqual(begins(history), [[3, -0.5], [4, 0.5]]);
  assert.deepEqual([history.marked('leader'), history.marked('restart')], [[0.5], [0.75]]);
});

test('a live term begins with the first view of it, if no event tells of it', () => {
  assert.deepEqual(begins(historyOf(live([10, 3], [11, 3], [12, 5], [13, 5]))), [[3, -0.5], [5, 1.5]]);
});

test('who only lags is in no conflict', () => {
  const history = historyOf(
    live(
      [10, 3],
      [11, 4, [10.5, 'leader', 'n3', { term: 4 }], [10.5, 'conflict', 'n3'], [10.5, 'truncated', 'n2']],
      [12, 4, [11.5, 'conflict', 'n3']],
    ),
  );
  assert.deepEqual([history.marked('leader'), history.marked('conflict')], [[0.5], [0.5]]);
});

test('an event that is newer than all views by its own clock has the place of the view that it came with', () => {
  assert.deepEqual(historyOf(live([10, 3], [11, 3, [99, 'leader', 'n3', { term: 3 }]])).marked('leader'), [1]);
});

test('steps that a live source let go of are forgotten in the end', () => {
  const source = live([10, 3], [11, 4, [10.5, 'leader', 'n3', { term: 4 }]], [12, 4]);
  const history = historyOf(source);
  source.first = 301;
  source.view = () => view([node('n1', [], { term: 9 })], { live: true, wall_us: 0 });
  source.events = () => [];
  source.length = 302;
  history.catchUp({ source, epoch: 0 });
  assert.deepEqual(begins(history), [[9, 300.5]]);
  assert.deepEqual(history.marked('leader'), []);
});

test("a story's terms are those that a node is in: a pre-vote asks about the next, and an old candidate begins none", () => {
  const source = new FakeSource(view([node('A', [2]), node('B', [2])]));
  source
    .step({ event: 'precandidate', node: 'A', term: 2 })
    .step({ event: 'sent', node: 'A', peer: 'B', message: 'prevote', term: 3 })
    .step({ event: 'ignored', node: 'B', peer: 'A', term: 3 })
    .step({ event: 'candidate', node: 'B', term: 5 })
    .step({ event: 'candidate', node: 'A', term: 4 })
    .step({ event: 'leader', node: 'B', term: 5 });
  const history = historyOf(source);
  assert.deepEqual(begins(history), [
    [2, -0.5],
    [5, 3.5],
  ]);
  assert.deepEqual([history.marked('candidate'), history.marked('leader')], [[4, 5], [6]]);
});

test('a story that may have become another is learnt anew', () => {
  const source = new FakeSource(view([node('A', [1])])).step({ event: 'candidate', node: 'A', term: 2 });
  const history = historyOf(source);
  history.catchUp({ source: new FakeSource(view([node('A', [1])])), epoch: 1 });
  assert.deepEqual(begins(history), [[1, -0.5]]);
});

// ------------------------------------------------------------------------------------------------------ news

const told = (source, position = source.length - 1) =>
  newsOf(source, position).map(({ event, node: name }) => `${event} ${name}`);
const crash = live(
  [10, 3, ...BEFORE],
  [16, 3, [16, 'silent', 'n1'], [16, 'disconnected', 'n2']],
  [17, 4, [16.9, 'leader', 'n3', { term: 4 }], [16.95, 'follower', 'n2', { term: 4 }]],
  [18, 4, [17.1, 'ready', 'n3'], [17.2, 'ready', 'n2']],
  [60, 4, [59, 'opened', 'n1', { term: 3 }], [59.5, 'ready', 'n1']],
);

test('the news is the crash and the election, not what follows from them', () => {
  assert.deepEqual(told(crash, 1), ['silent n1']);
  assert.deepEqual(told(crash, 3), ['silent n1', 'leader n3']);
  assert.deepEqual(told(crash), ['opened n1']);
});

test('news are told in the order in which they happened, the newest three', () => {
  const source = live(
    [10, 3],
    [
      20,
      4,
      [19.5, 'leader', 'n2'],
      [19, 'silent', 'n1'],
      [19.8, 'silent', 'n3'],
      [19.9, 'answers', 'n3'],
      [19.95, 'ready', 'n3'],
    ],
  );
  assert.deepEqual(told(source), ['leader n2', 'silent n3', 'answers n3']);
});

test('a cluster that begins has a leader for news, and not that its nodes started; one that comes back later has', () => {
  const begun = [
    [9, 'opened', 'n1', { term: 1 }],
    [9.1, 'opened', 'n2', { term: 1 }],
    [9.8, 'leader', 'n2', { term: 2 }],
    [9.9, 'ready', 'n1'],
  ];
  assert.deepEqual(told(live([10, 2, ...begun], [11, 2])), ['leader n2']);
  const later = live([10, 2, ...begun], [11, 2, [10.5, 'opened', 'n3', { term: 1 }]]);
  assert.deepEqual(told(later), ['leader n2', 'opened n3']);
});

test('a start is told without the directory that its text names', () => {
  const page = { language: 'en', t: (key, ...values) => translate('en', key, ...values) };
  const text = 'opened /data/n1: term 3, log to entry 7';
  const words = sentence(page, { event: 'opened', node: 'n1', term: 3, index: 7, text });
  assert.equal(words, 'n1 started: term 3, log to entry 7');
});

test('without news the last event is told, and without events nothing', () => {
  assert.deepEqual(told(live([10, 3, [9, 'connected', 'n1'], [9.5, 'founded', 'n2']], [11, 3])), ['founded n2']);
  assert.deepEqual(told(live([10, 3])), []);
});
