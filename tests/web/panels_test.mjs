// The panels' pure halves: what a repair was, what entries say of keys, how far followers lag, which property is
// broken, and how an event is told.
//
//   node --test tests/web/panels_test.mjs
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { pairOf } from '../../web/actions.js';
import { forkOf, inconsistencyOf, isInLine, leaderOf, nodeOf, runsOf, standingOf } from '../../web/panels/logs.js';
import { phasesOf, standingWords } from '../../web/panels/lens_words.js';
import { commitSeries, jobsOf, lagSeries, messagesByLine, positionsOf, writeSeries } from '../../web/panels/measure.js';
import { gravestOf, judged, nameOf, PROPERTIES, Watch } from '../../web/panels/properties.js';
import { beginningOf, followerOf, marksOf, Repairs } from '../../web/panels/repair.js';
import { isMessage, sentence } from '../../web/panels/sentences.js';
import { COLOURS, termClass } from '../../web/panels/terms.js';
import { tableOf, valuesOf, wordsOf } from '../../web/panels/values.js';
import { en, zh } from '../../web/strings-panels.js';
import { FakeSource, figure7f, node, setLog, view } from './panels_source.mjs';

function reader(language) {
  const strings = { en, zh }[language];
  const t = (key, ...values) => (strings[key] ?? en[key] ?? key).replace(/\{(\d)\}/g, (all, k) => values[k] ?? '');
  return { language, t, said: (words) => words };
}

// ------------------------------------------------------------------------------------------------------ logs

test('a log is runs of terms', () => {
  assert.deepEqual(runsOf(node('a', [1, 1, 4])), [{ term: 1, first: 1, last: 2 }, { term: 4, first: 3, last: 3 }]);
  assert.deepEqual(runsOf(node('a', [])), []);
  assert.equal(runsOf({ first: 100, log: [[3, 'c', '']] })[0].first, 100);
});

test('two logs part behind the last entry of the same term', () => {
  const leader = node('L', [1, 1, 1, 4, 4]);
  assert.deepEqual(forkOf(leader, node('a', [1, 1, 1, 2, 2, 2])), { index: 3, sure: true });
  assert.deepEqual(forkOf(leader, node('a', [])), { index: 0, sure: true });
  assert.deepEqual(forkOf(leader, leader), { index: 5, sure: true });
});

test('where only the ends of logs are shown, a fork below them is not sure', () => {
  const end = (term, first) => ({ first, last: first + 1, log: [[term, 'c', ''], [term, 'c', '']] });
  assert.deepEqual(forkOf(end(5, 100), end(4, 100)), { index: 99, sure: false });
  assert.deepEqual(forkOf(end(5, 100), end(5, 90)), { index: 91, sure: false });
});

test('the followers of Figure 7 miss entries, hold extra ones, or both', () => {
  const leader = node('L', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8], { term: 8, role: 'leader' });
  const kind = (...terms) => inconsistencyOf(leader, node('x', terms));
  assert.equal(kind(1, 1, 1, 4, 4, 5, 5, 6, 6).kind, 'misses');
  assert.equal(kind(1, 1, 1, 4).missing, 6);
  assert.equal(kind(1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6).kind, 'extra');
  assert.equal(kind(1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7).extra, 2);
  assert.equal(kind(1, 1, 1, 4, 4, 4, 4).kind, 'both');
  assert.equal(kind(1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3).fork, 3);
  assert.equal(kind(1, 1, 1, 4, 4, 5, 5, 6, 6, 6).kind, 'same');
});

test('a follower is in line only while it holds all that its leader holds', () => {
  const leader = node('L', [1, 2, 2, 2], { term: 2, role: 'leader' });
  const standing = (terms, sampled, fields) => standingOf(leader, node('x', terms, fields), sampled);
  assert.equal(standing([1, 2, 2, 2]).kind, 'same');
  assert.deepEqual(standing([1, 2]), { kind: 'behind', behind: 2, fork: 2 });
  assert.equal(standing([1]).kind, 'behind');
  assert.equal(standing([]).kind, 'misses');
  assert.equal(standing([1, 1]).kind, 'extra');
  assert.equal(standingOf(node('L', [1, 1], { term: 1, role: 'leader' }), node('x', [])).kind, 'behind');
});

test("a follower whose log is of another moment than its leader's is not called behind, but one that is down is", () => {
  const leader = node('L', [1, 1, 1], { term: 1, role: 'leader' });
  assert.deepEqual(standingOf(leader, node('x', [1]), true), { kind: 'agrees', behind: 2, fork: 1 });
  assert.equal(standingOf(leader, node('x', [1], { up: false }), true).kind, 'behind');
  assert.equal(standingOf(leader, node('x', [1, 1, 1, 1]), true).kind, 'same');
});

test('how a follower stands is told in few words, also of one that is down', () => {
  const leader = node('L', [1, 1, 1], { term: 1, role: 'leader' });
  const told = (terms, fields, live = false) =>
    standingWords({ ...reader('en'), view: view([], { live }) }, leader, node('x', terms, fields));
  assert.equal(told([1, 1, 1]), 'in line');
  assert.equal(told([1, 1]), '1 entry behind');
  assert.equal(told([], { up: false }), 'down; 3 entries behind');
  assert.equal(told([], { up: false }, true), 'down');
});

// ---------------------------------------------------------------------------------------------------- terms

const STYLE = readFileSync(new URL('../../web/style.css', import.meta.url), 'utf8');

// A term's two colours in a theme, as [r, g, b].
function coloursOf(term, theme) {
  const [, ...both] = new RegExp(`\\.${termClass(term)} { --term: (.*); --on-term: (.*); }`).exec(STYLE);
  return both.map((value) => {
    const found = value.match(/#\w{6}/g);
    return (found[theme === 'dark' ? 1 : 0] ?? found[0]).match(/\w\w/g).map((hex) => parseInt(hex, 16));
  });
}

// WCAG 2's relative luminance.
function luminance(colour) {
  const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const terms = Array.from({ length: COLOURS }, (unused, k) => k + 1);

test('the eight terms of Figure 7 have eight looks, and neighbours always differ', () => {
  assert.equal(new Set([1, 2, 3, 4, 5, 6, 7, 8].map(termClass)).size, 8);
  for (let term = 1; term < 40; term++) assert.notEqual(termClass(term), termClass(term + 1));
});

test('each term\'s colour is far from every other, in both themes, and its number can be read on it', () => {
  const distance = (a, b) => Math.hypot(...a.map((each, k) => each - b[k]));
  for (const theme of ['light', 'dark'])
    for (const term of terms) {
      const [colour, ink] = coloursOf(term, theme);
      assert.ok(contrast(colour, ink) >= 4.5, `${theme}, term ${term}`);
      for (const other of terms.slice(term))
        assert.ok(distance(colour, coloursOf(other, theme)[0]) > 60, `${theme}, terms ${term} and ${other}`);
    }
});

// -------------------------------------------------------------------------------------------------- writing

test('a story takes a write of one word, a live node every character as it is', () => {
  assert.deepEqual(pairOf('x=1', false), { key: 'x', value: '1' });
  assert.deepEqual(pairOf('x=', false), { key: 'x', value: '' });
  assert.deepEqual(pairOf('键=值=2', false), { key: '键', value: '值=2' });
  for (const words of ['nonsense', '=1', 'x=a b', ' x=1', 'x=1 ', 'x y=1', 'x=1;', 'x#=1', '键=值\u3000空格'])
    assert.equal(pairOf(words, false), null, words);
  assert.deepEqual(pairOf('s=a b  c', true), { key: 's', value: 'a b  c' });
  assert.deepEqual(pairOf(' k ey= #;', true), { key: ' k ey', value: ' #;' });
  for (const words of ['nonsense', '=1']) assert.equal(pairOf(words, true), null, words);
});

// ---------------------------------------------------------------------------------------------------- repair

const repairOf = (source, position, follower) => new Repairs().of({ source, epoch: 0 }, position, follower);

test('the leader is who lives and leads the highest term', () => {
  const nodes = [
    node('a', [], { role: 'leader', term: 2 }),
    node('b', [], { role: 'leader', term: 3 }),
    node('c', [], { role: 'leader', term: 9, up: false }),
  ];
  assert.equal(leaderOf(view(nodes)).name, 'b');
  assert.equal(leaderOf(view([node('a', [])])), null);
});

test('a repair begins where its leader came to power, and follows the newest conflict', () => {
  const source = figure7f();
  const leader = leaderOf(source.view(14));
  assert.deepEqual(beginningOf(source, 14, 'L', 8), { step: 1, told: 1 });
  assert.deepEqual(beginningOf(source, 14, 'L', 9), { step: 0, told: 0 });
  assert.equal(followerOf(source, 14, leader, null), 'f');
  assert.equal(followerOf(source, 4, leader, null), null);
  assert.equal(followerOf(source, 4, leader, 'f'), 'f');
  assert.equal(followerOf(source, 14, leader, 'L'), 'f');
});

test('each step of a repair names its rule', () => {
  const told = repairOf(figure7f(), 14, 'f').steps.map(({ kind, rule }) => `${kind} ${rule}`);
  assert.deepEqual(told, [
    'power power',
    'probe probe',
    'differs rule-2',
    'rejects outline',
    'rejection outline',
    'fork outline-fork',
    'entries send',
    'fits rule-2',
    'cuts rule-3',
    'fills rule-4',
    'acknowledges durable',
    'matches next-match',
    'leader-commits commit',
    'follower-commits rule-5',
  ]);
});

test('every step and rule that a repair can have is told in both languages', () => {
  for (const strings of [en, zh])
    for (const { kind, rule } of repairOf(figure7f(), 14, 'f').steps)
      for (const key of [`lens.step.${kind}`, `lens.rule.${rule}`, `lens.rule.${rule}.of`])
        assert.ok(strings[key], key);
});

test('a rejection carries its outline up to the entry rejected', () => {
  const { outline } = repairOf(figure7f(), 14, 'f').steps.find(({ kind }) => kind === 'rejects');
  assert.deepEqual(outline.map(({ term, first, last }) => [term, first, last]), [[1, 1, 3], [2, 4, 6], [3, 7, 10]]);
});

test('marks show what has happened so far, and nothing that comes later', () => {
  const repair = repairOf(figure7f(), 14, 'f');
  assert.deepEqual(marksOf(repair, 2), { probe: 10, outline: [], fork: null });
  assert.equal(marksOf(repair, 4).outline.length, 3);
  assert.deepEqual(marksOf(repair, 6).fork, 3);
});

test('parts of a repair are done, ahead, or were not needed', () => {
  const states = (source, position) => {
    const at = source.view(position);
    const inLine = isInLine(leaderOf(at), nodeOf(at, 'f'), at.sampled);
    return phasesOf(repairOf(source, position, 'f'), position, false, inLine).map(([, state]) => state);
  };
  assert.deepEqual(states(figure7f(), 6), ['done', 'done', 'done', 'ahead', 'ahead', 'ahead']);
  const known = figure7f();
  known.told = known.told.map((events, k) => (k >= 2 && k <= 6 ? [] : events));
  Object.assign(nodeOf(known.view(1), 'L').peers[0], { next: 4, progress: 'stream' });
  assert.deepEqual(states(known, 14), ['unneeded', 'unneeded', 'done', 'done', 'done', 'done']);
  known.told = known.told.map((events, k) => (k > 1 ? [] : events));
  assert.deepEqual(states(known, 1), ['unneeded', 'unneeded', 'done', 'ahead', 'ahead', 'ahead']);
  const goesOn = figure7f().step({ event: 'appended', node: 'L', index: 12, other: 12, term: 8 }, (next) => {
    nodeOf(next, 'f').up = false;
    setLog(nodeOf(next, 'L'), [...nodeOf(next, 'L').log.map(([term]) => term), 8]);
  });
  assert.deepEqual(states(goesOn, 14).slice(-2), ['done', 'done']);
  assert.deepEqual(states(goesOn, 16).slice(-2), ['done', 'ahead']);
});

test('a leader that knew the fork from the vote begins with it', () => {
  const source = figure7f();
  Object.assign(nodeOf(source.view(1), 'L').peers[0], { next: 4, progress: 'stream' });
  const [first] = repairOf(source, 1, 'f').steps;
  assert.equal(first.rule, 'outline-vote');
  assert.equal(first.fork, 3);
});

test('the textbook steps back instead', () => {
  const source = figure7f();
  for (const each of source.views) each.options.repair = 'one';
  const steps = repairOf(source, 14, 'f').steps;
  assert.equal(steps.find(({ kind }) => kind === 'steps-back').rule, 'back-one');
  assert.equal(steps.find(({ kind }) => kind === 'rejects').rule, 'rule-2');
});

test('what one step tells of before its leader came to power is none of the repair', () => {
  const source = figure7f();
  source.told[1] = [
    { event: 'conflict', node: 'L', peer: 'e', index: 9, other: 5 },
    ...source.told[1],
    { event: 'conflict', node: 'L', peer: 'f', index: 10, other: 3 },
  ];
  assert.equal(followerOf(source, 1, leaderOf(source.view(1)), null), 'f');
  assert.deepEqual(repairOf(source, 1, 'f').steps.slice(0, 2).map(({ kind }) => kind), ['power', 'fork']);
  assert.equal(repairOf(source, 1, 'f').unseen, false);
});

test('a page that came when the log was cut already has not seen what it was', () => {
  const source = figure7f();
  source.told[1].push({ event: 'truncated', node: 'f', index: 4, other: 11, term: 2 });
  assert.equal(repairOf(source, 1, 'f').unseen, true);
});

test('a repair that goes on is told on, and one that may have become another is told anew', () => {
  const whole = figure7f();
  const source = new FakeSource(whole.views[0]);
  const repairs = new Repairs();
  for (let k = 1; k < whole.length; k++) {
    source.views.push(whole.views[k]);
    source.told.push(whole.told[k]);
    repairs.of({ source, epoch: 0 }, k, 'f');
  }
  const { steps } = repairs.of({ source, epoch: 0 }, 14, 'f');
  assert.deepEqual(steps, repairOf(whole, 14, 'f').steps);
  assert.notEqual(repairs.of({ source, epoch: 1 }, 14, 'f').steps, steps);
});

test('a repair ends where the next leader comes to power', () => {
  const source = figure7f();
  source.told[6] = [{ event: 'leader', node: 'f', term: 9 }];
  assert.equal(repairOf(source, 2, 'f').steps.at(-1).kind, 'rejection');
});

test('a live cluster tells a repair without its messages', () => {
  const source = figure7f();
  source.told = source.told.map((events) => events.filter((event) => !event.message && event.event !== 'appended'));
  source.told[13].push({ event: 'repaired', node: 'L', peer: 'f', index: 4, other: 11, entries: 8, round_trips: 1 });
  const kinds = repairOf(source, 14, 'f').steps.map(({ kind }) => kind);
  assert.deepEqual(kinds, ['power', 'fork', 'cuts', 'leader-commits', 'repaired']);
});

// ------------------------------------------------------------------------------------------------------ keys

function writes(name, texts, applied) {
  return node(name, [], { first: 1, log: texts.map((text) => [1, 'c', text]), last: texts.length, applied });
}

test('entries up to the applied index set keys', () => {
  const values = valuesOf(writes('a', ['x=1', 'y=2', 'x=3', 'word'], 2), false);
  assert.deepEqual([...values].map(([key, { value }]) => [key, value]), [['x', '1'], ['y', '2']]);
});

test('a live entry is read as FAIRLEAD LOG shows it', () => {
  const values = valuesOf(
    writes(
      'a',
      ['SET hello "big world"', 'MULTI; SET a 1; SET b "x; y"', 'DEL a', 'INCR n', '(tick)', 'SET long abc...'],
      9,
    ),
    true,
  );
  assert.equal(values.get('hello').value, 'big world');
  assert.equal(values.get('b').value, 'x; y');
  assert.equal(values.has('a'), false);
  assert.equal(values.get('n').by, 'INCR');
  assert.equal(values.get('n').value, null);
  assert.equal(values.get('long').cut, true);
});

test('what may have been without effect leaves a value open', () => {
  const values = valuesOf(
    writes('a', ['SET x 1', 'WATCH x@1; MULTI; SET x 2', 'SET y 1 NX', 'SET z 1 EX 10'], 9),
    true,
  );
  assert.equal(values.get('x').value, null);
  assert.equal(values.get('y').value, null);
  assert.equal(values.get('z').value, '1');
});

test('escapes in a word are bytes of UTF-8', () => {
  assert.deepEqual(wordsOf('SET "a\\"b" "\\xe4\\xbd\\xa0\\\\"').map(({ word }) => word), ['SET', 'a"b', '你\\']);
  assert.deepEqual(
    wordsOf('SET "名" "你 \\\\😀\\xe2\\x80\\xae"').map(({ word }) => word),
    ['SET', '名', '你 \\😀\u202e'],
  );
  assert.deepEqual(wordsOf('SET k "cut off...'), [
    { word: 'SET', cut: false },
    { word: 'k', cut: false },
    { word: 'cut off', cut: true },
  ]);
});

test('nodes are compared with the one that has applied most', () => {
  const { rows } = tableOf(
    view([writes('a', ['x=1', 'x=2'], 2), writes('b', ['x=1', 'x=2'], 1), writes('c', ['x=1', 'x=9'], 2)]),
    10,
  );
  assert.deepEqual(
    rows[0].cells.map(({ value, state }) => [value, state]),
    [
      ['2', 'same'],
      ['1', 'behind'],
      ['9', 'differs'],
    ],
  );
});

test('a key that a live node set in an entry too old to be shown does not differ', () => {
  const older = node('b', [], { first: 5, log: [[1, 'c', 'SET y 1']], last: 5, applied: 5 });
  const newer = node('a', [], { first: 4, log: [[1, 'c', 'SET x 1'], [1, 'c', 'SET y 1']], last: 5, applied: 5 });
  const { rows } = tableOf(view([newer, older], { live: true }), 10);
  assert.deepEqual(rows.map(({ key, cells }) => [key, cells[1].state]), [['y', 'same'], ['x', 'unseen']]);
});

test('the rows that were changed last are shown', () => {
  const { rows, left } = tableOf(view([writes('a', ['x=1', 'y=1', 'z=1', 'x=2'], 4)]), 2);
  assert.deepEqual(rows.map(({ key }) => key), ['x', 'z']);
  assert.equal(left, 1);
});

// --------------------------------------------------------------------------------------------------- numbers

function led(time_us, last, matches, fields = {}) {
  const peers = Object.entries(matches).map(([name, match]) => ({ name, match, next: match + 1, up: true }));
  return view([node('n1', [], { role: 'leader', term: 1, last, peers, commit: last, applied: last, ...fields })], {
    time_us,
    live: true,
  });
}

test('lag is what the leader does not know a follower to hold', () => {
  assert.deepEqual(lagSeries([led(0, 10, { n2: 10, n3: 4 }), led(1, 12, { n2: 12, n3: 4 }), view([node('n1', [])])]), {
    n2: [0, 0, null],
    n3: [6, 8, null],
  });
});

test('counters are told by their differences, and a new process begins anew', () => {
  const counters = (commits, commit_us) => ({ counters: { commits, commit_us } });
  const views = [
    led(0, 0, {}, counters(10, 1000)),
    led(1e6, 500, {}, counters(20, 3000)),
    led(2e6, 500, {}, counters(20, 3000)),
    led(3e6, 500, {}, counters(1, 5)),
  ];
  assert.deepEqual(commitSeries(views), [null, 200, null, null]);
  assert.deepEqual(writeSeries(views), [null, 500, 0, 0]);
});

test('a follower that catches up says how long it will take', () => {
  const [job] = jobsOf([led(0, 20000, { n4: 1369 }), led(1e6, 20000, { n4: 4469 }), led(2e6, 20000, { n4: 7569 })]);
  assert.equal(job.behind, 12431);
  assert.equal(job.gains, 3100);
  assert.equal(Math.round(job.left_s), 4);
});

test('a follower that loses ground says so', () => {
  const [job] = jobsOf([led(0, 10000, { n4: 0 }), led(1e6, 19000, { n4: 7000 })]);
  assert.equal(job.gains, -2000);
  assert.equal(job.writes, 9000);
  assert.equal(job.link, 7000);
  assert.equal(job.left_s, null);
});

test('there is no job where followers keep up', () => {
  assert.deepEqual(jobsOf([led(0, 10000, { n2: 9900 })]), []);
});

test('positions are evenly spaced in a story, and the last ones of a live cluster', () => {
  assert.deepEqual(positionsOf({ kind: 'playground', first: 0 }, 100, 5), [0, 32, 64, 96, 100]);
  assert.deepEqual(positionsOf({ kind: 'playground', first: 0 }, 101, 5), [0, 32, 64, 96, 101]);
  assert.deepEqual(positionsOf({ kind: 'playground', first: 0 }, 2, 5), [0, 1, 2]);
  assert.deepEqual(positionsOf({ kind: 'live', first: 40 }, 100, 2), [98, 99, 100]);
  assert.deepEqual(positionsOf({ kind: 'live', first: 40 }, 40, 3), [40]);
});

test('messages are counted by the lines that sent them', () => {
  const source = new FakeSource(view([], { line: 0 }));
  const sent = { event: 'sent', message: 'append' };
  source
    .step(sent, (next) => (next.line = 3))
    .step({ event: 'delivered' })
    .step(sent)
    .step(sent, (next) => (next.line = 4));
  assert.deepEqual(messagesByLine(source, 4, 10), [{ line: 3, sent: 2 }, { line: 4, sent: 1 }]);
});

// ---------------------------------------------------------------------------------------------------- safety

test('the first five of the judge\'s rules are Figure 3, others stand for themselves', () => {
  const { five, others } = judged([
    { rule: 'R4', text: 'lacks' },
    { rule: 'R6', text: 'R6: counts' },
    { rule: 'R6', text: 'R6: again' },
    { rule: 'R6', text: 'R6: again' },
  ]);
  assert.deepEqual(
    five.filter(({ texts }) => texts.length > 0),
    [{ name: 'leader-completeness', texts: ['lacks'] }],
  );
  assert.deepEqual(others, [{ rule: 'R6', texts: ['counts', 'again'] }]);
});

function watched(...views) {
  const watch = new Watch();
  for (const each of views) watch.see(view(each, { live: true }));
  return Object.fromEntries(
    PROPERTIES.map(({ name }) => [name, watch.found[name].map(({ key }) => key)]).filter(([, keys]) => keys.length > 0),
  );
}

const at = (name, terms, fields) => node(name, terms, { applied: fields?.commit ?? 0, ...fields });

test('a healthy cluster breaks nothing', () => {
  const before = [at('a', [1, 1], { role: 'leader', term: 1, commit: 2 }), at('b', [1, 1], { commit: 1 })];
  const after = [at('a', [1, 1, 1], { role: 'leader', term: 1, commit: 3 }), at('b', [1, 1], { commit: 2 })];
  const later = [
    at('a', [1, 1, 1], { term: 2, commit: 3 }),
    at('b', [1, 1, 1, 2], { role: 'leader', term: 2, commit: 4 }),
  ];
  assert.deepEqual(watched(before, after, after, later, later), {});
});

test('two leaders of a term', () => {
  const lead = (name) => [at(name, [1], { role: 'leader', term: 3 })];
  assert.deepEqual(watched(lead('a'), lead('b')), { 'election-safety': ['two-leaders'] });
});

test('a leader that loses or changes an entry', () => {
  const lead = (...terms) => [at('a', terms, { role: 'leader', term: 3 })];
  assert.deepEqual(watched(lead(1, 3, 3), lead(1, 3)), { 'leader-append-only': ['shrank'] });
  assert.deepEqual(watched(lead(1, 3), lead(2, 3))['leader-append-only'], ['changed']);
});

test('one index and term, two entries or two pasts', () => {
  const mine = at('a', [1]);
  const other = at('b', [1]);
  mine.log[0][2] = 'x=1';
  other.log[0][2] = 'x=2';
  assert.deepEqual(watched([mine, other]), { 'log-matching': ['two-entries'] });
  assert.deepEqual(watched([at('a', [1, 3]), at('b', [2, 3])]), { 'log-matching': ['two-pasts'] });
});

test('an entry that cannot be read contradicts nothing', () => {
  const other = at('b', [1]);
  const mine = at('a', [1]);
  mine.log[0][2] = 'SET x 1';
  other.log[0][2] = '(damaged)';
  assert.deepEqual(watched([mine, other]), {});
});

test('a leader of a later term that lacks what was committed before it', () => {
  const before = [at('a', [1, 2], { role: 'leader', term: 2, commit: 2 })];
  const longer = [at('b', [1, 3, 3], { role: 'leader', term: 3 })];
  const shorter = [at('b', [1], { role: 'leader', term: 3 })];
  assert.deepEqual(watched(before, before, longer), { 'leader-completeness': ['lacks'] });
  assert.deepEqual(watched(before, before, shorter), { 'leader-completeness': ['lacks'] });
});

test('an old leader may lack what a later one committed', () => {
  const old = at('a', [1, 3], { role: 'leader', term: 3 });
  const now = at('b', [1, 2, 4], { role: 'leader', term: 4, commit: 3 });
  assert.deepEqual(watched([old, now], [old, now], [old, now]), {});
});

test('two nodes that apply different entries', () => {
  const nodes = [at('a', [1, 2], { commit: 2 }), at('b', [1, 3], { commit: 2 })];
  assert.deepEqual(watched(nodes, nodes)['state-machine-safety'], ['applied-two']);
});

// ----------------------------------------------------------------------------------------------------- words

test('English takes the event\'s own text, Chinese its fields', () => {
  const event = {
    event: 'leader',
    node: 'n2',
    term: 2,
    index: 3,
    votes: 2,
    voters: 3,
    text: 'became leader of term 2',
  };
  assert.equal(sentence(reader('en'), event), 'n2 became leader of term 2');
  assert.equal(sentence(reader('zh'), event), 'n2 以 2/3 票成为任期 2 的领导者，最后条目为 3');
});

test('an event that has no sentence keeps its text', () => {
  assert.equal(sentence(reader('zh'), { event: 'say', text: 'Hello' }), 'Hello');
  assert.equal(sentence(reader('zh'), { event: 'unheard-of', node: 'a', text: 'does it' }), 'a does it');
});

test('messages are told with what they say', () => {
  const event = { event: 'sent', node: 'L', peer: 'f', message: 'append', term: 8, index: 3, other: 11 };
  assert.ok(isMessage(event));
  const told = sentence(reader('en'), { ...event, text: 'to f (term 8): entries 4 to 11' });
  assert.match(told, /^L sends \S+ to f \(term 8\): entries 4 to 11$/);
  assert.equal(sentence(reader('zh'), event), 'L 发给 f：条目 4 到 11，接在 3 之后（任期 8）');
});

test('how votes, appends and requests ended is told in Chinese', () => {
  const told = (event) => sentence(reader('zh'), { node: 'b', peer: 'a', term: 2, text: 'English', ...event });
  const reply = (message, fields) => told({ event: 'sent', message, ...fields });
  assert.match(reply('vote-reply', { granted: true, rejected: false }), /：同意投票（任期 2）$/);
  assert.match(reply('vote-reply', { granted: false, rejected: false }), /：拒绝投票（任期 2）$/);
  assert.match(reply('prevote-reply', { granted: false, rejected: true }), /：拒绝预投票：候选者的日志缺少条目（任期 2）$/);
  assert.match(reply('append-reply', { index: 5, rejected: true }), /没有该任期的条目 5/);
  assert.match(reply('append-reply', { index: 5, other: 7, rejected: false }), /持有到 7/);
  assert.equal(reply('append-reply', { rejected: false, stale: true }), 'b 发给 a：拒绝任期较旧的消息（任期 2）');
  assert.equal(
    told({ event: 'answered', index: 3, other: 4, outcome: 'done' }),
    'b 答复写入条目 3 到 4 的客户端（任期 2）：已完成',
  );
  assert.equal(
    told({ event: 'answered', index: 3, other: 3, outcome: 'refused' }),
    'b 答复写入条目 3 的客户端（任期 2）：已拒绝，以后也不会执行',
  );
  assert.equal(told({ event: 'answered', outcome: 'not-leader' }), 'b 不接受写请求：自己不是领导者');
  assert.equal(told({ event: 'read', index: 3, other: 3, outcome: 'done' }), 'b 在索引 3 处答复读请求：已完成');
  assert.equal(told({ event: 'read', index: 3, other: 2, outcome: 'done' }), 'b 得知读取索引 3：应用到那里再答复');
  assert.equal(told({ event: 'read', outcome: 'no-leader' }), 'b 不答复读请求：不知道谁是领导者，请另问');
});

test('who ignores a candidate says for whose sake', () => {
  const event = {
    event: 'ignored',
    node: 'c',
    peer: 'b',
    message: 'vote',
    term: 2,
    leader: 'a',
    text: 'ignores that b asks',
  };
  assert.equal(sentence(reader('en'), event), 'c ignores that b asks');
  assert.equal(sentence(reader('zh'), event), 'c 不理会 b 在任期 2 的投票请求：刚听到领导者 a');
  assert.match(sentence(reader('zh'), { ...event, node: 'a' }), /自己就是领导者$/);
  const prevote = { ...event, message: 'prevote' };
  assert.equal(sentence(reader('zh'), prevote), 'c 拒绝 b 对任期 2 的预投票请求：刚听到领导者 a');
  assert.equal(sentence(reader('zh'), { ...prevote, node: 'a' }), 'a 拒绝 b 对任期 2 的预投票请求：自己就是领导者');
});

test('what a file expects is told in its own words', () => {
  const event = { event: 'held', words: 'last 3 on B', text: 'as expected: last 3 on B' };
  assert.equal(sentence(reader('en'), event), 'as expected: last 3 on B');
  assert.equal(sentence(reader('zh'), event), '符合预期：last 3 on B');
  assert.equal(
    sentence(reader('zh'), { event: 'not-held', words: 'leader A', text: 'NOT AS EXPECTED: A does not lead' }),
    '与预期不符：leader A',
  );
});

test('every event of the documentation is told in Chinese', async () => {
  const { readFile } = await import('node:fs/promises');
  const document = await readFile(new URL('../../docs/events.md', import.meta.url), 'utf8');
  const names = document
    .split('## What a playground shows')[0]
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => line.split('|')[1].match(/`[a-z-]+`/g) ?? []);
  const fields = new Set([
    'time_us',
    'wall_us',
    'sequence',
    'event',
    'node',
    'peer',
    'message',
    'term',
    'index',
    'other',
    'entries',
    'votes',
    'voters',
    'round_trips',
    'text',
    'number',
    'granted',
    'rejected',
    'stale',
    'outcome',
    'leader',
    'words',
  ]);
  const toldAsTheyAre = new Set(['log', 'line', 'say']);
  const onNoPage = new Set(['halted', 'disk', 'user']); // Of simulated servers.
  const wanted = names
    .map((name) => name.slice(1, -1))
    .filter((name) => !fields.has(name) && !toldAsTheyAre.has(name) && !onNoPage.has(name));
  assert.ok(wanted.length > 40);
  for (const name of wanted) assert.ok(zh[`event.${name}`], name);
});

test('both languages have the same strings', () => {
  const spoken = Object.keys(zh).filter((key) => key in en || !key.startsWith('event.'));
  assert.deepEqual(spoken.sort(), Object.keys(en).sort());
});

test('a broken rule is told by its name', () => {
  const broken = { event: 'broken', node: 'A', text: 'BROKEN INVARIANT R5: A applies entry 2' };
  assert.equal(sentence(reader('en'), broken), 'Broken: State Machine Safety. A applies entry 2');
  assert.equal(sentence(reader('zh'), broken), '被破坏：状态机安全。A applies entry 2');
});

test('of what broke a property of Figure 3 is named first', () => {
  assert.equal(gravestOf([]), null);
  assert.equal(gravestOf([{ rule: 'R4' }, { rule: 'R12' }]).rule, 'R4');
  assert.equal(gravestOf([{ rule: 'R6' }, { rule: 'R12' }]).rule, 'R12');
  assert.equal(nameOf(reader('en'), 'R4'), 'Leader Completeness');
  assert.equal(nameOf(reader('en'), 'R99'), 'R99');
});

test('the way in which a log was repaired is told by what its leader knew, or asked', () => {
  const asked = figure7f();
  assert.equal(repairOf(asked, 14, 'f').way, 'outline');
  const known = figure7f();
  Object.assign(nodeOf(known.view(1), 'L').peers[0], { next: 4, progress: 'stream' });
  assert.equal(repairOf(known, 14, 'f').way, 'vote');
  const textbook = figure7f();
  for (const each of textbook.views) each.options.repair = 'term';
  assert.equal(repairOf(textbook, 14, 'f').way, 'term');
});
