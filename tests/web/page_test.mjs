// The page's pure parts: lessons' Markdown, links that hold a story, stories' branches, ways through steps, which
// columns of the logs are seen, and that each language has every word.
//
//   node --test tests/web/page_test.mjs
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decode, encode } from '../../web/link.js';
import { parse, spans } from '../../web/markdown.js';
import { committedTerms, describe, pictureOf, windowOf } from '../../web/panels/matrix.js';
import { groupsOf } from '../../web/panels/ring.js';
import { judge } from '../../web/panels/verdict.js';
import { endOfLine, markOf, neighbour } from '../../web/steps.js';
import { placeOf, title } from '../../web/story.js';
import { languages, translate } from '../../web/strings.js';

test('a lesson is headings, paragraphs, lists, code and tables', () => {
  const text =
    '# One\n\ntwo\nthree\n\n- a\n- b\n  c\n\n1. d\n\n```text\n# no heading\n```\n\n| x | y |\n|---|:-:|\n| 1 | 2 |\n\n> said\n\n---\n';
  assert.deepEqual(parse(text), [
    ['heading', 1, ['One']],
    ['paragraph', ['two\nthree']],
    ['list', false, [[['paragraph', ['a']]], [['paragraph', ['b\nc']]]]],
    ['list', true, [[['paragraph', ['d']]]]],
    ['code', 'text', '# no heading'],
    ['table', [['x'], ['y']], [[['1'], ['2']]]],
    ['quote', [['paragraph', ['said']]]],
    ['rule'],
  ]);
});

test('a list may stand in an item of another', () => {
  const [[kind, ordered, [item]]] = parse('1. outer\n   - inner\n   - second\n');
  assert.deepEqual([kind, ordered], ['list', true]);
  assert.deepEqual(item[1], ['list', false, [[['paragraph', ['inner']]], [['paragraph', ['second']]]]]);
});

test('every text ends, whatever it begins with', () => {
  for (const text of ['```', '> ', '- ', '|', '| a |\n|--', '#', '**', '1. ', '- a\n\n\n- b', '\n\n\n'])
    assert.ok(Array.isArray(parse(text)), text);
});

test('spans are code, emphasis and links, and nothing else', () => {
  assert.deepEqual(spans('a `b*c*` **d *e*** *f* [g `h`](step:elect).'), [
    'a ',
    ['code', 'b*c*'],
    ' ',
    ['strong', ['d ', ['em', ['e']]]],
    ' ',
    ['em', ['f']],
    ' ',
    ['link', 'step:elect', ['g ', ['code', 'h']]],
    '.',
  ]);
  assert.deepEqual(spans('2 * 3 * 4 and snake_case_name and <b>no</b>'), [
    '2 * 3 * 4 and snake_case_name and <b>no</b>',
  ]);
  assert.deepEqual(spans('\\*not\\*'), ['*', 'not', '*']);
});

test('a link gives back the story that it was made of', async () => {
  const text = 'nodes A B C\nlog A 1 1 2\n'.repeat(40) + '# 图 7\n';
  const fragment = await encode(text, 17);
  assert.match(fragment, /^text=[\w-]+&step=17$/);
  assert.ok(fragment.length < text.length / 4);
  assert.deepEqual(await decode(fragment), { text, step: 17, branch: null });
  assert.deepEqual(await decode(await encode(text, 2, 'd&e')), { text, step: 2, branch: 'd&e' });
});

test('a damaged link is refused, and so is one that unfolds without end', async () => {
  const fragment = await encode('nodes A B C\nlog A 1 2 3\n', 0);
  await assert.rejects(decode(fragment.replace(/.{4}&/, '&')));
  await assert.rejects(decode('text=AAAA'));
  await assert.rejects(decode('text='));
  await assert.rejects(decode('text=%00'));
  await assert.rejects(encode(' '.repeat((1 << 20) + 1), 0).then(decode), RangeError);
});

const STORY =
  '# A story.\ntitle  Two ends # of one\nnodes A B\nat a  elect A term 1 with B\nbranch d  one\n  at d  crash A\nbranch e  another\n  at e  crash B\n  at e  settle\n';

test('a story has a title, and steps with names, in the branch that is played or in another', () => {
  assert.equal(title(STORY), 'Two ends');
  assert.deepEqual(placeOf(STORY, 'a', 'e'), { line: 4, branch: null });
  assert.deepEqual(placeOf(STORY, 'e', 'e'), { line: 9, branch: 'e' });
  assert.deepEqual(placeOf(STORY, 'e', 'd'), { line: 9, branch: 'e' });
  assert.equal(placeOf(STORY, 'x', 'd'), null);
});

test('a step ends with what is said of it', () => {
  const text =
    'say  Before.\nat a  crash A\nexpect no leader\nsay  A crashed.\nat b  crash B\nbranch c\n  say  Of c.\n';
  assert.deepEqual(placeOf(text, 'a', null), { line: 4, branch: null });
  assert.deepEqual(placeOf(text, 'b', null), { line: 5, branch: null });
});

// Steps 0 to 6, of lines 0, 4, 4, 4, 6, 6, 9.
const SOURCE = {
  kind: 'playground',
  first: 0,
  length: 7,
  lineOf: (k) => [0, 4, 4, 4, 6, 6, 9][k],
  events: (k) => (k === 2 || k === 5 ? [{ event: 'delivered' }] : [{ event: k === 4 ? 'line' : 'persisted' }]),
};

test('one goes through a story by event, by message and by line', () => {
  assert.equal(neighbour(SOURCE, 2, 'event', 1), 3);
  assert.equal(neighbour(SOURCE, 3, 'event', 1), 5);
  assert.equal(neighbour(SOURCE, 0, 'event', -1), 0);
  assert.equal(neighbour(SOURCE, 0, 'message', 1), 2);
  assert.equal(neighbour(SOURCE, 2, 'message', 1), 5);
  assert.equal(neighbour(SOURCE, 5, 'message', 1), 6);
  assert.equal(neighbour(SOURCE, 0, 'line', 1), 3);
  assert.equal(neighbour(SOURCE, 3, 'line', 1), 5);
  assert.equal(neighbour(SOURCE, 5, 'line', -1), 3);
  assert.equal(neighbour(SOURCE, 3, 'line', -1), 0);
});

test('a line that expects what is so is passed over, one that is not so is not', () => {
  const told = ['', 'line', 'candidate', 'line', 'held', 'line', 'not-held', 'line', 'crashed', 'line'];
  const lines = [0, 1, 1, 2, 2, 3, 3, 4, 4, 5];
  const source = {
    kind: 'playground',
    first: 0,
    length: 10,
    lineOf: (k) => lines[k],
    events: (k) => [{ event: told[k] }],
  };
  const stops = (at, way) => neighbour(source, at, 'line', way);
  assert.deepEqual([stops(0, 1), stops(2, 1), stops(6, 1), stops(8, 1)], [2, 6, 8, 9]);
  assert.deepEqual([stops(9, -1), stops(8, -1), stops(6, -1), stops(2, -1)], [8, 6, 2, 0]);
});

test('a line ends with its last step, or where the last one before it ended', () => {
  assert.deepEqual(
    [3, 4, 5, 6, 9, 20].map((line) => endOfLine(SOURCE, line)),
    [0, 3, 3, 5, 6, 6],
  );
});

test('of several events the gravest marks a step', () => {
  assert.equal(markOf([{ event: 'committed' }, { event: 'crashed' }]), 'crash');
  assert.equal(markOf([{ event: 'persisted' }]), null);
});

test('a window of columns follows the end, or stays within what there is', () => {
  assert.deepEqual(windowOf({ last: 50, visible: 10, start: 1, follow: true }), { start: 41, end: 51, latest: 41 });
  assert.deepEqual(windowOf({ last: 50, visible: 10, start: 20, follow: false }), { start: 20, end: 30, latest: 41 });
  assert.deepEqual(windowOf({ last: 50, visible: 10, start: 99, follow: false }), { start: 41, end: 51, latest: 41 });
  assert.deepEqual(windowOf({ last: 50, visible: 10, start: -3, follow: false }), { start: 1, end: 11, latest: 41 });
  assert.deepEqual(windowOf({ last: 5, visible: 10, start: 1, follow: true }), { start: 1, end: 6, latest: 1 });
});

function node(name, terms, more = {}) {
  return {
    name,
    up: true,
    paused: false,
    voter: true,
    role: 'follower',
    term: terms.at(-1),
    last: terms.length,
    durable: terms.length,
    commit: 0,
    first: 1,
    log: terms.map((term) => [term, 'c', '']),
    peers: [],
    health: '',
    ...more,
  };
}

const VIEW = {
  committed: 2,
  cut: [],
  nodes: [
    node('B', [1, 1], { durable: 1 }),
    node('A', [1, 1, 3], {
      role: 'leader',
      commit: 2,
      peers: [
        { name: 'B', match: 1, next: 3 },
        { name: 'C', match: 1, next: 2 },
      ],
    }),
    node('C', [1, 2, 2, 2], { up: false }),
  ],
};

test('the leader is on top, and each follower has what the leader knows of it', () => {
  const { rows } = pictureOf(VIEW, { width: 600, start: 1, follow: true });
  assert.deepEqual(
    rows.map((row) => [row.node.name, row.leads, row.peer?.next]),
    [
      ['A', true, undefined],
      ['B', false, 3],
      ['C', false, 2],
    ],
  );
});

test('an entry is committed where its term is that of the committed entry', () => {
  const { rows } = pictureOf(VIEW, { width: 600, start: 1, follow: true });
  const states = Object.fromEntries(
    rows.map((row) => [row.node.name, row.cells.map((cell) => cell.state[0]).join('')]),
  );
  assert.deepEqual(states, { A: 'ccum', B: 'ccmm', C: 'cuuu' });
  assert.deepEqual(
    [...committedTerms(VIEW)],
    [
      [1, 1],
      [2, 1],
    ],
  );
});

test('what is older than the entries that are told is not called missing', () => {
  const nodes = [
    node('A', [4, 4], { first: 9, last: 10, commit: 9 }),
    node('B', [4, 4, 4, 4], { first: 5, last: 8, commit: 4 }),
  ];
  const { rows } = pictureOf({ committed: 9, nodes }, { width: 600, start: 1, follow: true });
  assert.equal(rows[0].cells.map((cell) => cell.state[0]).join(''), 'ffffffffcu');
  assert.equal(rows[1].cells.map((cell) => cell.state[0]).join(''), 'ffffuuuumm');
});

test('a cell says in words what it shows', () => {
  const page = { t: (key, ...values) => translate('en', key, ...values) };
  const cell = { index: 3, term: 8, kind: 'c', text: 'x=1', state: 'uncommitted', durable: false };
  assert.equal(describe(cell, page), 'Entry 3, term 8, x=1, not committed, not yet on the disk');
  assert.equal(describe({ index: 4, term: 0, state: 'missing' }, page), 'Entry 4: missing');
});

test('the verdict counts voters that are up, and asks for a leader', () => {
  assert.deepEqual(judge(VIEW), {
    health: 'degraded',
    up: 2,
    parted: false,
    voters: 3,
    needs: 2,
    tolerates: 0,
    leader: 'A',
    term: 3,
    patience_us: 0,
  });
  assert.equal(
    judge({ ...VIEW, nodes: VIEW.nodes.map((one) => ({ ...one, paused: one.name === 'B' })) }).health,
    'unavailable',
  );
});

const LEADERLESS = {
  ...VIEW,
  live: true,
  time_us: 60e6,
  nodes: VIEW.nodes.map((one) => ({
    ...one,
    role: 'follower',
    founded: true,
    leaderless_us: 50e6,
    election_timeout_us: 1e6,
  })),
};

test('an election is not called a failure, until it has taken too long', () => {
  assert.equal(judge(LEADERLESS).health, 'unavailable');
  const without = (leaderless_us) => ({
    ...LEADERLESS,
    nodes: LEADERLESS.nodes.map((one) => ({ ...one, leaderless_us })),
  });
  assert.deepEqual([judge(without(1e6)).health, judge(without(1e6)).patience_us], ['electing', 2e6]);
  assert.equal(judge(without(1e6), 2.1e6).health, 'unavailable');
  const unfounded = { ...LEADERLESS, nodes: LEADERLESS.nodes.map((one) => ({ ...one, founded: false })) };
  assert.equal(judge(unfounded).health, 'starting');
});

test('a cluster of which nobody answers is not called starting, once it has been there', () => {
  const down = LEADERLESS.nodes.map((one) => ({ ...one, up: false, role: 'down' }));
  const unknown = down.map(({ founded, ...one }) => one);
  assert.equal(judge({ ...LEADERLESS, nodes: down }).health, 'unavailable');
  assert.equal(judge({ ...LEADERLESS, nodes: unknown }).health, 'unavailable');
  assert.equal(judge({ ...LEADERLESS, time_us: 1e6, nodes: unknown }).health, 'starting');
});

test('a cluster that begins is not called unavailable, and a story that has no leader is not', () => {
  const young = { ...LEADERLESS, time_us: 1e6 };
  assert.equal(judge(young).health, 'electing');
  assert.equal(
    judge({ ...young, nodes: young.nodes.map((one) => ({ ...one, up: one.name === 'A' })) }).health,
    'starting',
  );
  const story = { ...young, live: false, time_us: 60e6 };
  assert.equal(judge(story).health, 'leaderless');
  const stands = (role) =>
    judge({ ...story, nodes: story.nodes.map((one) => ({ ...one, role: one.name === 'A' ? role : 'follower' })) });
  assert.deepEqual(['precandidate', 'candidate'].map((role) => stands(role).health), ['electing', 'electing']);
  assert.equal(
    judge({ ...VIEW, live: false, time_us: 1e6, nodes: VIEW.nodes.map((one) => ({ ...one, up: one.name === 'A' })) })
      .health,
    'unavailable',
  );
});

test('the term is the one that the leader leads, and without one the highest', () => {
  const nodes = VIEW.nodes.map((one) => ({ ...one, term: one.name === 'B' ? 9 : one.term }));
  assert.deepEqual([judge({ ...VIEW, nodes }).leader, judge({ ...VIEW, nodes }).term], ['A', 3]);
  assert.equal(judge({ ...VIEW, nodes: nodes.map((one) => ({ ...one, role: 'follower' })) }).term, 9);
});

test('in a partition those count who reach the leader, or without one the most who reach each other', () => {
  const counts = ({ up, parted, health }) => [up, parted, health];
  assert.deepEqual(counts(judge({ ...VIEW, cut: [['B', 'A']] })), [1, true, 'unavailable']);
  assert.deepEqual(counts(judge({ ...VIEW, cut: [['B', 'C']] })), [2, false, 'degraded']);
  const five = ['A', 'B', 'C', 'D', 'E'].map((name) => node(name, [1], name === 'C' ? { role: 'leader' } : {}));
  const cut = ['C', 'D', 'E'].flatMap((far) => [['A', far], ['B', far]]);
  assert.deepEqual(counts(judge({ nodes: five, cut })), [3, true, 'degraded']);
  const leaderless = five.map((one) => ({ ...one, role: 'follower' }));
  assert.deepEqual(counts(judge({ nodes: leaderless, cut })), [3, true, 'leaderless']);
  assert.deepEqual(counts(judge({ nodes: leaderless, cut: [...cut, ['C', 'D'], ['D', 'E'], ['C', 'E']] })), [
    2,
    true,
    'unavailable',
  ]);
});

test('each language has every word, with the same places for values', () => {
  const { en, zh } = languages;
  // An event's own text is English; other languages make its sentence from its fields.
  const isOfBoth = (key) => !key.startsWith('event.');
  assert.deepEqual(
    Object.keys(zh).filter((key) => !(key in en) && isOfBoth(key)),
    [],
  );
  assert.deepEqual(
    Object.keys(en).filter((key) => !(key in zh)),
    [],
  );
  const places = (words) => (typeof words === 'string' ? [...new Set(words.match(/\{\d\}/g))].sort() : null);
  for (const key of Object.keys(en).filter(isOfBoth))
    if (places(en[key]) && places(zh[key])) assert.deepEqual(places(zh[key]), places(en[key]), key);
});

test('a key that nobody has is said as it is', () => {
  assert.equal(translate('zh', 'no.such.key'), 'no.such.key');
});

test('nodes are parted by links that are cut in both directions, and only where no way around is left', () => {
  const both = (pairs) => pairs.flatMap(([a, b]) => [[a, b], [b, a]]);
  const nodes = [...'ABCDE'].map((name) => ({ name }));
  const groups = (cut) => groupsOf({ nodes, cut }).map((names) => names.join(''));
  assert.deepEqual(groups([]), ['ABCDE']);
  assert.deepEqual(groups(both(['AB', 'CD'])), ['ABCDE']);
  assert.deepEqual(groups(both(['DA', 'DB', 'DC', 'DE'])), ['ABCE', 'D']);
  assert.deepEqual(groups(both(['AB', 'AD', 'BC', 'BE', 'CD', 'DE'])), ['ACE', 'BD']);
  assert.deepEqual(groups([['D', 'A'], ['D', 'B'], ['D', 'C'], ['D', 'E']]), ['ABCDE']);
});
