// The page's state without its elements: which step is shown, acting and undoing, playing, following a live cluster.
// A source made by hand stands for the core: a step for each line of a text.
//
//   node --test tests/web/desk_test.mjs
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Desk } from '../../web/desk.js';
import { Page } from '../../web/page.js';
import { Player } from '../../web/player.js';

const READER = { language: 'en', reduced: false };
const STEP_US = 10000;

// Each line but the first is a step; "flow N" lasts so long, "broken" is not understood.
class Lines {
  kind = 'playground';
  first = 0;

  constructor(text, branch) {
    this.text = text;
    this.branch = branch ?? 'd';
    if (/\bbroken\b/.test(text)) throw new Error('line 2: not understood: broken');
  }

  get lines() {
    return this.text.trimEnd().split('\n');
  }

  get length() {
    return this.lines.length;
  }

  view(k) {
    return { time_us: k * STEP_US, live: false, nodes: [{ name: 'A', up: true, role: 'leader', term: k }], flying: [] };
  }

  events(k) {
    return k === 0 ? [] : [{ event: 'told', text: this.lines[k], time_us: k * STEP_US }];
  }

  lineOf(k) {
    return k === 0 ? 0 : k + 1;
  }

  act(k, event) {
    if (event === 'nonsense') throw new Error('nonsense is no event');
    this.text = `${[...this.lines.slice(0, k + 1), `at you ${event}`].join('\n')}\n`;
    return this.length - 1;
  }

  flow(us) {
    this.text += `flow ${us}\n`;
    return this.length - 1;
  }

  close() {}
}

async function desk(text) {
  const page = new Desk(READER, async (words, branch) => new Lines(words, branch));
  page.player = new Player(page, () => {});
  page.heard = [];
  page.read = [];
  page.oncomplain = (words) => page.heard.push(words);
  page.onannounce = (words) => page.read.push(...words);
  await page.load(text, {});
  return page;
}

const STORY = 'nodes A\nat a  one\nat b  two\nat c  three\n';

test('a story is shown from its beginning, and a step that is none is the nearest', async () => {
  const page = await desk(STORY);
  assert.deepEqual([page.position, page.before, page.selected], [0, null, 'A']);
  page.go(99);
  assert.deepEqual([page.position, page.before.time_us, page.following], [3, 2 * STEP_US, true]);
  page.go(-1);
  assert.equal(page.position, 0);
});

test('acting cuts what followed, and undoing brings it back, with the step that was shown', async () => {
  const page = await desk(STORY);
  page.go(1);
  assert.equal(page.act('crash A'), true);
  assert.equal(page.source.text, 'nodes A\nat a  one\nat you crash A\n');
  assert.equal(page.position, 2);
  await page.undo();
  assert.equal(page.source.text, STORY);
  assert.equal(page.position, 1);
  assert.deepEqual(page.past, []);
});

test('what cannot be done changes nothing, and the reader hears why', async () => {
  const page = await desk(STORY);
  page.go(2);
  assert.equal(page.act('nonsense'), false);
  assert.deepEqual(page.heard, ['nonsense is no event']);
  assert.deepEqual([page.source.text, page.position, page.past.length], [STORY, 2, 0]);
});

test('a text that is not understood leaves the story on the desk', async () => {
  const page = await desk(STORY);
  const source = page.source;
  assert.equal(await page.load('nodes A\nbroken\n', {}), false);
  assert.deepEqual(page.heard, ['line 2: not understood: broken']);
  assert.equal(page.source, source);
});

test('a step that another branch has is shown in that branch', async () => {
  const page = await desk('nodes A\nat a  one\nbranch d\n  at d  two\nbranch e\n  at e  three\n');
  await page.goToLabel('d');
  assert.deepEqual([page.source.branch, page.source.lineOf(page.position)], ['d', 4]);
  await page.goToLabel('e');
  assert.deepEqual([page.source.branch, page.source.lineOf(page.position)], ['e', 6]);
  await page.goToLabel('nowhere');
  assert.equal(page.heard.length, 1);
});

test('a step taken by hand is read out', async () => {
  const page = await desk(STORY);
  page.go(2);
  assert.deepEqual(page.read, ['at b  two']);
});

// Frames that come when the test says so.
function withFrames(run) {
  const asked = [];
  globalThis.requestAnimationFrame = (call) => asked.push(call);
  globalThis.cancelAnimationFrame = () => (asked.length = 0);
  let stamp = 0;
  return run((ms) => asked.splice(0).forEach((call) => call((stamp += ms))), asked);
}

test('playing goes through the steps that are there, and rests at the end', async () => {
  const page = await desk(STORY);
  withFrames((frame, asked) => {
    page.play();
    for (let k = 0; k < 200 && page.playing; k++) frame(50);
    assert.deepEqual([page.position, page.playing, asked.length], [3, false, 0]);
    assert.equal(page.source.text, STORY);
  });
});

test('playing from the end lets time go by, at the chosen speed', async () => {
  const page = await desk(STORY);
  page.go(3);
  withFrames((frame, asked) => {
    page.play();
    frame(16);
    frame(20);
    page.play();
    assert.equal(page.source.text, `${STORY}flow 2000\n`);
    assert.deepEqual([page.playing, asked.length], [false, 0]);
  });
});

// Nothing flies: time passes as it was chosen for a second, then as fast as on the wall, but no further than the next
// timer.
test('time in which nothing happens passes faster, as far as the next timer', async () => {
  const page = await desk(STORY);
  page.go(3);
  const view = {
    ...page.source.view(3),
    nodes: [{ name: 'A', up: true, role: 'follower', election_us: 100000 }],
    flying: [],
  };
  page.source.view = () => view;
  const flows = [];
  page.source.flow = (us) => flows.push(us) && 3;
  const flown = () => flows.splice(0).reduce((sum, us) => sum + us, 0);
  withFrames((frame) => {
    page.play();
    for (let k = 0; k < 21; k++) frame(50);
    assert.deepEqual([flown(), page.player.hastens], [100000, false]);
    frame(50);
    assert.deepEqual([flown(), page.player.hastens], [50000, true]);
    page.now = view.time_us + 70000;
    frame(50);
    assert.equal(flown(), 30000);
    view.nodes.push({ name: 'B', up: true, role: 'leader', election_us: -1 });
    frame(50);
    assert.equal(flown(), 5000);
    view.flying.push({ number: 1, to: 'A' });
    frame(50);
    assert.deepEqual([flown(), page.player.hastens], [5000, false]);
    page.play();
  });
});

test('acting stops what plays', async () => {
  const page = await desk(STORY);
  withFrames((frame, asked) => {
    page.play();
    frame(16);
    page.act('crash A');
    assert.deepEqual([page.playing, asked.length], [false, 0]);
  });
});

test('one acts at the step that is shown, also in the midst of a line', async () => {
  const page = await desk('nodes A\nat you flow 100ms\n');
  page.source.lineOf = (k) => (k === 0 ? 0 : 2); // All steps are of the one line.
  Object.defineProperty(page.source, 'length', { get: () => 6 });
  const acted = [];
  page.source.act = (k, event) => acted.push([k, event]) && 5;
  page.go(3);
  page.act('crash A');
  assert.deepEqual(acted, [[3, 'crash A']]);
});

class Live {
  kind = 'live';
  first = 0;
  views = [0];

  get length() {
    return this.first + this.views.length;
  }

  view(k) {
    return { time_us: this.views[Math.max(0, k - this.first)], live: true, nodes: [], flying: [] };
  }

  events() {
    return [];
  }

  add(forget = 0) {
    this.views.push(this.views.at(-1) + 1);
    this.views.splice(0, forget);
    this.first += forget;
    this.onchange();
  }

  close() {}
}

test('a live cluster is followed, until the reader looks back, or pauses', () => {
  const source = new Live();
  const page = new Page(READER);
  page.show(source, Infinity);
  source.add();
  source.add();
  assert.equal(page.position, 2);
  page.go(1);
  source.add();
  assert.deepEqual([page.position, page.view.time_us], [1, 1]);
  page.play();
  assert.equal(page.position, 3);
  page.play();
  source.add();
  assert.equal(page.position, 3);
  source.add(4);
  assert.deepEqual([page.position, page.view.time_us], [4, 4]);
});
