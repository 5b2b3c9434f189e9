// lens.js - the repair lens: how one follower's log is brought in line with its leader's, step by step, each with the
// rule of the paper's Figure 2 that applied, or ours where it goes beyond; and beside it the same two logs repaired
// in three ways by the core itself.
import { h, keyed, put, say } from '../dom.js';
import { comparison } from './ladder.js';
import { followerOf, inconsistencyOf, leaderOf, marksOf, nodeOf, repairOf, termAt } from './repair.js';
import { listen, markRow, showCurrent } from './rows.js';
import { range } from './sentences.js';
import { termClass } from './terms.js';

const COLUMNS_ALL = 24; // A longer log is shown from a little before the fork.
const COLUMNS_MAX = 40;
const BEFORE_FORK = 5;
const STEPS_MAX = 60;

// --------------------------------------------------------------------------------------------------- words

const entriesOf = (page, count) => page.t(count === 1 ? 'lens.entry' : 'lens.entries', count);

// What each kind of step is told with, behind the leader's and the follower's names.
const FACTS = {
  power: (page, step) => [step.next],
  'power-known': (page, step) => [step.fork, step.next],
  probe: (page, step) => [step.prev, step.prevTerm],
  entries: (page, step) => [range(page, step.prev + 1, step.last), step.prev, step.prevTerm],
  stale: (page, step) => [step.theirs, step.mine],
  absent: (page, step) => [step.prev, step.end],
  differs: (page, step) => [step.prev, step.found, step.prevTerm],
  fits: (page, step) => [step.prev, step.prevTerm],
  'fits-empty': (page, step) => [step.prev, step.prevTerm],
  rejects: (page, step) => [outlineWords(page, step.outline)],
  rejection: (page, step) => [step.prev],
  'steps-back': (page, step) => [step.prev, step.next],
  fork: (page, step) => [step.fork, step.fork + 1],
  cuts: (page, step) => [range(page, step.first, step.last), step.term],
  fills: (page, step) => [range(page, step.first, step.last), step.term],
  acknowledges: (page, step) => [step.last],
  matches: (page, step) => [step.last, step.last + 1],
  'leader-commits': (page, step) => [step.index, step.term],
  'follower-commits': (page, step) => [step.index],
  repaired: (page, step) => [step.last, entriesOf(page, step.entries), step.trips],
  contradiction: (page, step) => [step.index],
  'data-loss': (page, step) => [step.index, step.last],
};

function outlineWords(page, outline) {
  if (outline.length === 0) return page.t('lens.outline.empty');
  return outline.map(({ term, first }) => page.t('lens.outline.run', term, first)).join(page.t('lens.and'));
}

// Some steps have a sentence of their own where they are simpler.
function variantOf(repair, step) {
  if (step.kind === 'rejects') return repair.textbook ? '.textbook' : '';
  if (step.kind === 'repaired') return step.trips === 0 ? '.unasked' : step.trips === 1 ? '.once' : '';
  if (step.kind === 'cuts' || step.kind === 'fills') return step.first === step.last ? '.one' : '';
  return (step.prev ?? step.fork) === 0 ? '.start' : '';
}

function stepWords(page, repair, step) {
  const facts = FACTS[step.kind]?.(page, step) ?? [];
  const variant = variantOf(repair, step);
  const key = `lens.step.${step.kind}${variant}`;
  const text = page.t(key, repair.leader, repair.follower, ...facts);
  return text === key ? page.t(`lens.step.${step.kind}`, repair.leader, repair.follower, ...facts) : text;
}

function kindWords(page, repair, leader, before) {
  if (repair.late) return page.t('lens.late', repair.follower);
  const { kind, missing, extra, sure } = inconsistencyOf(leader, before);
  const variant = extra > 0 && page.view.broken.length > 0 ? '.broken' : ''; // Where safety is lost, they may have been.
  const words = page.t(`lens.kind.${kind}${variant}`, before.name, leader.name, entriesOf(page, missing), entriesOf(page, extra));
  const doubt = page.view.live && !before.up ? 'lens.last-seen' : sure ? null : 'lens.not-all-shown';
  return doubt ? `${words} ${page.t(doubt)}` : words;
}

// --------------------------------------------------------------------------------------------------- phases

// [name, state]: of the repair's parts, what is done at the position, and what it needs at all. A live cluster does not
// tell its messages: of it only what is known is named.
function phasesOf(repair, position, live) {
  const parts = {
    probe: ['probe', 'absent', 'differs'],
    rejection: ['rejects', 'rejection', 'steps-back'],
    fork: ['fork', 'power-known', 'fits', 'fits-empty'],
    cut: ['cuts'],
    filled: ['fills'],
    match: ['matches', 'repaired'],
  };
  const phases = Object.entries(parts).map(([name, kinds]) => {
    const steps = repair.steps.filter(({ kind }) => kinds.includes(kind));
    const state = steps.length === 0 ? 'unneeded' : steps.some(({ step }) => step <= position) ? 'done' : 'ahead';
    return [name, state];
  });
  return phases.filter(([, state]) => !live || state !== 'unneeded');
}

function phases(page, repair) {
  return phasesOf(repair, page.position, page.view.live).map(([name, state]) => {
    const word = h('small', null, ' ', page.t(`lens.phase.${state}`));
    return h('li', { class: `lens-phase lens-phase-${state}` }, page.t(`lens.phase.${name}`), word);
  });
}

// ----------------------------------------------------------------------------------------------------- logs

// The columns to show: all, or those from a little before the place where the logs part.
function columnsOf(leader, before, now) {
  const first = Math.max(Math.min(leader.first, now.first), 1);
  const last = Math.max(leader.last, before.last, now.last, 1);
  const { fork } = inconsistencyOf(leader, before);
  const from = last - first < COLUMNS_ALL ? first : Math.max(first, fork - BEFORE_FORK);
  const to = Math.min(last, from + COLUMNS_MAX - 1);
  return Array.from({ length: to - from + 1 }, (unused, k) => from + k);
}

function cell(node, index, mark, words) {
  const term = termAt(node, index);
  if (term === 0) return h('td', { class: `lens-cell lens-missing ${mark}` });
  const hidden = words ? h('span', { class: 'unseen' }, ` ${words}`) : null;
  const open = index <= node.commit ? '' : 'lens-open';
  return h('td', { class: `lens-cell run ${termClass(term)} ${open} ${mark}` }, h('span', null, term), hidden);
}

function row(page, title, columns, cellAt) {
  return h('tr', null, h('th', { scope: 'row' }, title), columns.map(cellAt));
}

function headRow(page, columns) {
  const heads = [page.t('lens.row.index'), ...columns];
  return h('tr', null, heads.map((head) => h('th', { scope: 'col' }, head)));
}

function marksRow(page, columns, marks) {
  return row(page, page.t('lens.row.marks'), columns, (index) => {
    const probe = marks.probe === index && marks.probe > 0 ? h('span', { class: 'lens-probe' }, page.t('lens.mark.probe')) : null;
    const fork = marks.fork === index ? h('span', { class: 'lens-fork' }, page.t('lens.mark.fork')) : null;
    return h('td', { class: `lens-mark${fork ? ' lens-fork-edge' : ''}` }, probe, fork);
  });
}

// The outline as the rejection carried it: a cell for each run.
function outlineRow(page, columns, outline) {
  const cells = [];
  for (let k = 0; k < columns.length; ) {
    const run = outline.find(({ first, last }) => first <= columns[k] && columns[k] <= last);
    const width = run ? Math.min(run.last - columns[k] + 1, columns.length - k) : 1;
    const looks = { class: run ? `lens-run run ${termClass(run.term)}` : 'lens-mark', colspan: width };
    cells.push(h('td', looks, run && page.t('lens.run', run.term, run.first)));
    k += width;
  }
  return h('tr', null, h('th', { scope: 'row' }, page.t('lens.row.outline')), cells);
}

function logs(page, repair, leader, before, now) {
  const marks = marksOf(repair, page.position);
  const columns = columnsOf(leader, before, now);
  const isCut = (index) => termAt(before, index) > 0 && termAt(before, index) !== termAt(now, index) && index >= now.first;
  const isFilled = (index) => termAt(now, index) > 0 && termAt(before, index) !== termAt(now, index) && index >= before.first;
  const edge = (index) => (marks.fork === index ? 'lens-fork-edge' : '');
  const mark = (yes, name, index) => `${yes ? `lens-${name}` : ''} ${edge(index)}`;
  return h(
    'table',
    { class: 'lens-logs' },
    h('caption', { class: 'unseen' }, page.t('lens.logs', repair.leader, repair.follower)),
    h('thead', null, headRow(page, columns)),
    h(
      'tbody',
      null,
      row(page, page.t('lens.row.leader', repair.leader), columns, (index) => cell(leader, index, edge(index))),
      marks.probe > 0 || marks.fork !== null ? marksRow(page, columns, marks) : null,
      repair.late ? null : row(page, page.t('lens.row.before', repair.follower), columns, (index) =>
        cell(before, index, mark(isCut(index), 'cut', index), isCut(index) && page.t('lens.mark.cut')),
      ),
      marks.outline.length > 0 && !repair.textbook ? outlineRow(page, columns, marks.outline) : null,
      row(page, page.t('lens.row.now', repair.follower), columns, (index) =>
        cell(now, index, mark(isFilled(index), 'filled', index), isFilled(index) && page.t('lens.mark.filled')),
      ),
    ),
  );
}

// --------------------------------------------------------------------------------------------------- steps

// A long repair is shown around the step that the page shows.
function windowOf(steps, position) {
  if (steps.length <= STEPS_MAX) return steps;
  const at = steps.findLastIndex(({ step }) => step <= position);
  const from = Math.max(0, Math.min(at - STEPS_MAX / 2, steps.length - STEPS_MAX));
  return steps.slice(from, from + STEPS_MAX);
}

function makeStep(page, { step }) {
  return h('li', null, h('button', { type: 'button', onclick: () => page.go(step) }));
}

function fillStep(page, repair, item, step, current) {
  const words = stepWords(page, repair, step);
  item.className = `lens-step${step.step > page.position ? ' lens-later' : ''}`;
  markRow(item, step === current);
  const state = page.language + words;
  if (item.shown === state) return;
  item.shown = state;
  put(
    item.firstChild,
    h('span', { class: 'lens-words' }, words),
    h('small', { class: 'lens-rule' }, h('b', null, page.t(`lens.rule.${step.rule}.of`)), ' ', page.t(`lens.rule.${step.rule}`)),
  );
}

// --------------------------------------------------------------------------------------------------- panel

// The same two logs, repaired in three ways by the core: asked for once for each pair of logs.
class Comparisons {
  constructor(onready) {
    this.onready = onready;
    this.known = new Map();
  }

  of(page, repair, leader, before) {
    const key = JSON.stringify([leader.name, leader.log, before.name, before.log]);
    if (!this.known.has(key)) {
      if (this.known.size > 20) this.known.clear();
      this.known.set(key, null);
      this.ask(page.source, repair).then(
        (results) => this.known.set(key, results),
        (error) => this.known.set(key, { error }),
      ).then(this.onready);
    }
    return this.known.get(key);
  }

  async ask(source, { start, leader, follower }) {
    if (source.kind === 'playground') return source.compare(start, follower);
    const { compareLogs } = await import('../playground.js');
    return compareLogs(source.view(start), leader, follower);
  }
}

export function create(element, page) {
  const heading = h('h2', null);
  const title = h('p', null);
  const kind = h('p', { class: 'lens-kind' });
  const others = h('ul', { class: 'lens-others' });
  const bar = h('ol', { class: 'lens-phases' });
  const rows = h('div', { class: 'panel-scroll', tabindex: '0', role: 'group' });
  const steps = h('ol', { class: 'lens-steps' });
  const legend = h('p', { class: 'panel-note lens-legend' });
  const beside = h('section', { class: 'lens-compare' });
  const parts = [kind, bar, rows, legend, steps, beside]; // Of a repair that is shown.
  element.append(h('header', null, heading, others), title, ...parts);
  listen(steps);
  const comparisons = new Comparisons(() => update());
  let shown = null;
  let compared = null;
  let scrolled = null;

  // One button for each follower: what its log is like beside the leader's.
  function showOthers(leader, follower) {
    const { nodes } = page.view;
    const list = leader ? nodes.filter((node) => node.name !== leader.name) : [];
    keyed(
      others,
      list,
      (node) => node.name,
      (node) => h('li', null, h('button', { type: 'button', onclick: () => page.select(node.name) })),
      (item, node) => {
        const button = item.firstChild;
        say(button, page.t('lens.other', node.name, page.t(`lens.short.${inconsistencyOf(leader, node).kind}`)));
        button.setAttribute('aria-pressed', String(node.name === follower));
      },
    );
  }

  function showClosed(leader) {
    title.className = 'panel-quiet';
    say(title, page.t(leader ? 'lens.closed' : 'lens.no-leader', leader?.name));
    for (const part of parts) part.hidden = true;
  }

  function showRepair(repair) {
    for (const part of parts) part.hidden = false;
    const start = page.source.view(repair.start);
    const leader = nodeOf(page.view, repair.leader);
    const before = nodeOf(start, repair.follower);
    const now = nodeOf(page.view, repair.follower);
    title.className = 'lens-title';
    say(title, page.t('lens.title', repair.leader, repair.follower, repair.term));
    say(kind, kindWords(page, repair, nodeOf(start, repair.leader), before));
    say(legend, page.t('lens.legend'));
    rows.setAttribute('aria-label', page.t('lens.logs', repair.leader, repair.follower));
    steps.setAttribute('aria-label', page.t('lens.steps'));
    const state = JSON.stringify([page.language, repair, page.position, leader, now]);
    if (state !== shown) {
      shown = state;
      put(bar, phases(page, repair));
      put(rows, logs(page, repair, leader, before, now));
    }
    showSteps(repair);
    showComparison(repair, nodeOf(start, repair.leader), before);
  }

  function showSteps(repair) {
    const list = windowOf(repair.steps, page.position);
    const current = list.findLast(({ step }) => step <= page.position);
    keyed(
      steps,
      list,
      ({ step, kind }) => `${repair.follower} ${step} ${kind}`,
      (step) => makeStep(page, step),
      (item, step) => fillStep(page, repair, item, step, current),
    );
    if (current?.step !== scrolled) showCurrent(steps);
    scrolled = current?.step;
  }

  // Where there is nothing to repair, there is nothing to compare.
  function showComparison(repair, leader, before) {
    beside.hidden = inconsistencyOf(leader, before).kind === 'same';
    if (beside.hidden) return;
    const results = comparisons.of(page, repair, leader, before);
    if (compared?.results === results && compared.language === page.language && compared.follower === repair.follower) return;
    compared = { results, language: page.language, follower: repair.follower };
    put(beside, comparison(page, repair, results));
  }

  function update() {
    const leader = leaderOf(page.view);
    const follower = leader && followerOf(page.source, page.position, leader, page.selected);
    const repair = follower && repairOf(page.source, page.position, follower);
    say(heading, page.t('lens.heading'));
    others.setAttribute('aria-label', page.t('lens.others'));
    showOthers(leader, follower);
    if (repair) showRepair(repair);
    else showClosed(leader);
  }

  return { update };
}
