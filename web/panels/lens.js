// lens.js - the repair lens: how one follower's log is brought in line with its leader's, step by step, each with the
// rule of the paper's Figure 2 that applied, or ours where it goes beyond; and beside it the same two logs repaired
// in several ways by the core itself.
import { h, keyed, put, say } from '../dom.js';
import { comparison } from './ladder.js';
import { logs } from './lens_logs.js';
import { kindWords, phasesOf, standingWords, stepWords } from './lens_words.js';
import { inconsistencyOf, inheritedView, isInLine, leaderOf, nodeOf } from './logs.js';
import { followerOf, Repairs } from './repair.js';
import { listen, markRow, showCurrent } from './rows.js';

const STEPS_MAX = 60;

function phases(page, repair, leader, follower) {
  const { live, sampled } = page.view;
  const inLine = isInLine(leader, follower, sampled);
  return phasesOf(repair, page.position, live, inLine).map(([name, state]) => {
    const word = h('small', null, ' ', page.t(`lens.phase.${state}`));
    return h('li', { class: `lens-phase lens-phase-${state}` }, page.t(`lens.phase.${name}`), word);
  });
}

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
  const rule = `lens.rule.${step.rule}`;
  put(
    item.firstChild,
    h('span', { class: 'lens-words' }, words),
    h('small', { class: 'lens-rule' }, h('b', null, page.t(`${rule}.of`)), ' ', page.t(rule)),
  );
}

// Where a frame is too narrow for the logs, it shows the place where they part, once it is known; then it is the
// reader's to scroll.
function bringIntoSight(frame, repair) {
  const cell = frame.querySelector('.lens-fork-edge') ?? frame.querySelector('.lens-cut, .lens-filled');
  const name = `${repair} ${cell?.cellIndex}`;
  if (frame.inSight === name) return;
  frame.inSight = name;
  if (cell) frame.scrollLeft = cell.offsetLeft - frame.clientWidth / 2;
}

// The same two logs, repaired in several ways by the core: asked for once for each pair of logs.
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
      this.ask(page.source.view(repair.start), leader, before).then(
        (results) => this.known.set(key, results),
        (error) => this.known.set(key, { error }),
      ).then(this.onready);
    }
    return this.known.get(key);
  }

  // A live page has no core at hand until it is asked for one.
  async ask(view, leader, follower) {
    const { compareLogs } = await import('../playground.js');
    return compareLogs(inheritedView(view, leader), leader.name, follower.name);
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
  const repairs = new Repairs();
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
        say(button, page.t('lens.other', node.name, standingWords(page, leader, node)));
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
    const state = JSON.stringify([page.language, repair, page.position, page.view.sampled, leader, now]);
    if (state !== shown) {
      shown = state;
      put(bar, phases(page, repair, leader, now));
      put(rows, logs(page, repair, leader, before, now));
      bringIntoSight(rows, `${repair.start} ${repair.follower}`);
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
    beside.hidden = repair.unseen || inconsistencyOf(leader, before).kind === 'same';
    if (beside.hidden) return;
    const results = comparisons.of(page, repair, leader, before);
    const state = [results, page.language, repair.follower, repair.way];
    if (compared?.every((each, k) => each === state[k])) return;
    compared = state;
    put(beside, comparison(page, repair, results));
  }

  function update() {
    const leader = leaderOf(page.view);
    const follower = leader && followerOf(page.source, page.position, leader, page.selected);
    const repair = follower && repairs.of(page, page.position, follower);
    say(heading, page.t('lens.heading'));
    others.setAttribute('aria-label', page.t('lens.others'));
    showOthers(leader, follower);
    if (repair) showRepair(repair);
    else showClosed(leader);
  }

  return { update };
}
