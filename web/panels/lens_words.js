// lens_words.js - a repair in words: how the follower's log stands, which inconsistency it had, the repair's parts, and
// a sentence for each step.
import { inconsistencyOf, standingOf } from './logs.js';
import { range } from './sentences.js';

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
  if (step.kind === 'rejects') return repair.textbook ? `.${repair.textbook}` : '';
  if (step.kind === 'repaired') return step.trips === 0 ? '.unasked' : step.trips === 1 ? '.once' : '';
  if (step.kind === 'cuts' || step.kind === 'fills') return step.first === step.last ? '.one' : '';
  return (step.prev ?? step.fork) === 0 ? '.start' : '';
}

export function stepWords(page, repair, step) {
  const facts = FACTS[step.kind]?.(page, step) ?? [];
  const variant = variantOf(repair, step);
  const key = `lens.step.${step.kind}${variant}`;
  const text = page.t(key, repair.leader, repair.follower, ...facts);
  return text === key ? page.t(`lens.step.${step.kind}`, repair.leader, repair.follower, ...facts) : text;
}

export function kindWords(page, repair, leader, before) {
  if (repair.unseen) return page.t('lens.unseen', repair.follower);
  const { kind, missing, extra, sure } = inconsistencyOf(leader, before);
  const [misses, holds] = [missing, extra].map((count) => entriesOf(page, count));
  const isLost = extra > 0 && page.view.broken.length > 0; // Then extra entries may have been committed.
  const words = page.t(`lens.kind.${kind}${isLost ? '.broken' : ''}`, before.name, leader.name, misses, holds);
  const doubt = page.view.live && !before.up ? 'lens.last-seen' : sure ? null : 'lens.not-all-shown';
  return doubt ? `${words} ${page.t(doubt)}` : words;
}

// How the follower's log is beside its leader's, in a few words.
export function standingWords(page, leader, follower) {
  if (page.view.live && !follower.up && follower.log.length === 0) return page.t('lens.short.unseen');
  const { kind, behind, fork } = standingOf(leader, follower, page.view.sampled);
  const words = page.t(`lens.short.${kind}`, entriesOf(page, behind), fork);
  return follower.up ? words : page.t('lens.short.down', words);
}

// A repair's parts, in their order, by the steps that show them.
const PHASES = {
  probe: ['probe', 'absent', 'differs'],
  rejection: ['rejects', 'rejection', 'steps-back'],
  fork: ['fork', 'power-known', 'fits', 'fits-empty'],
  cut: ['cuts'],
  filled: ['fills'],
  match: ['matches', 'repaired'],
};

// [name, state]: what is `done` at the position, is still `ahead`, or was `unneeded`, since what follows it came
// without. The last part is done while the logs are in line, and only then. A live cluster does not tell its messages:
// of it only what is known is named.
export function phasesOf(repair, position, live, inLine) {
  const firsts = Object.values(PHASES).map((kinds) => repair.steps.find(({ kind }) => kinds.includes(kind))?.step);
  const last = firsts.findLastIndex((step) => step !== undefined);
  const stateOf = (step, k) => {
    if (step === undefined) return k < last || inLine ? 'unneeded' : 'ahead';
    return step <= position ? 'done' : 'ahead';
  };
  const phases = Object.keys(PHASES).map((name, k) => [name, stateOf(firsts[k], k)]);
  phases.at(-1)[1] = inLine ? 'done' : 'ahead';
  return live ? phases.filter(([, state]) => state === 'done') : phases;
}
