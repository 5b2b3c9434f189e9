// history.js - what a source's steps were in the long run: terms, the timeline's marks, what the story said. It grows
// with the source.
//
// An event of a playground is a step. Live, it comes with the next view that the page gets of its node, which may be
// late, as after a connection that was lost; so its place is between the two steps whose views were before and after
// it, by the wall clocks. What happened before the first view has none.
import { markOf } from '../steps.js';
import { line as lineOf } from '../story.js';

const FORGOTTEN_MAX = 300; // Steps that a live source let go of, before they are forgotten here.

// Whose `term` is the one that the node is in. A message may ask about the next one; entries are of older ones.
const OF_OWN_TERM = new Set(['follower', 'precandidate', 'candidate', 'leader', 'opened']);

export class History {
  epoch = null;
  first = 0;

  // Learns what is new.
  catchUp({ source, epoch }) {
    const first = source.first ?? 0;
    if (this.epoch !== epoch || first - this.first > FORGOTTEN_MAX)
      Object.assign(this, {
        epoch,
        first,
        next: first,
        begins: new Map(), // Where each term began.
        marks: [], // [place, mark]
        labels: [],
        says: [],
        line: 0,
      });
    for (; this.next < source.length; this.next++) this.#learn(source, this.next);
  }

  // The terms that followed each other: [{term, step}], each from where somebody was first in it, between two steps.
  get terms() {
    const terms = [];
    let end = Infinity;
    for (const [term, step] of [...this.begins].sort(([a], [b]) => b - a)) {
      if (step >= end) continue; // A later one had begun.
      terms.unshift({ term, step });
      end = step;
    }
    return terms;
  }

  // The places with this mark.
  marked(mark) {
    return this.marks.filter(([, other]) => other === mark).map(([place]) => place);
  }

  #learn(source, step) {
    const isLive = source.kind === 'live';
    for (const event of source.events(step)) {
      const place = isLive ? placeOf(source, event, step) : step;
      if (place !== null) this.#learnEvent(event, place, isLive ? place : step - 0.5);
    }
    if (isLive || step === this.first) {
      const term = Math.max(0, ...source.view(step).nodes.map((node) => node.term));
      if (!this.begins.has(term)) this.#begin(term, step - 0.5); // No event has told it.
    }
    if (!isLive) this.#learnLine(source, step);
  }

  #learnEvent(event, step, begin) {
    const mark = markOf([event]);
    if (mark) this.marks.push([step, mark]);
    if (OF_OWN_TERM.has(event.event)) this.#begin(event.term ?? 0, begin);
    if (event.event === 'say') this.says.push({ step, text: event.text });
    // No story any more.
    if (event.event === 'line' && event.text.startsWith('at you ')) this.says.push({ step, text: '' });
  }

  #begin(term, step) {
    if (!(this.begins.get(term) <= step)) this.begins.set(term, step);
  }

  #learnLine(source, step) {
    const number = source.lineOf(step);
    if (number === this.line) return;
    this.line = number;
    const name = /^\s*at\s+(\S+)/.exec(lineOf(source.text, number))?.[1];
    if (name && name !== 'you' && this.labels.at(-1)?.name !== name) this.labels.push({ name, step });
  }
}

function placeOf(source, { wall_us }, step) {
  let at = step;
  while (at > source.first && source.view(at - 1).wall_us >= wall_us) at--;
  if (at === source.first) return null;
  const [before, after] = [source.view(at - 1).wall_us, source.view(at).wall_us];
  return at - Math.max(0, Math.min(1, (after - wall_us) / (after - before || 1)));
}

// Live, much is told at once, and what only follows from the rest is told last.
const FOLLOWS = new Set([
  'follower',
  'precandidate',
  'candidate',
  'election-lost',
  'connected',
  'disconnected',
  'unreachable',
  'founding',
  'founded',
  'joining',
  'conflict',
  'catching-up',
  'ready',
]);
const NEWS_US = 10e6;
const NEWS_MAX = 3;

// What people would tell of a live cluster at this step, oldest first: the newest event that does not only follow from
// others, and those not long before it; without any, the last event. Who started before the leader came was awaited.
export function newsOf(source, position) {
  let news = [];
  let last = null;
  for (let step = position; step >= source.first; step--) {
    const newest = Math.max(0, ...news.map(({ wall_us }) => wall_us));
    if (source.view(step).wall_us < newest - NEWS_US) break;
    const events = source.events(step);
    last ??= events.at(-1);
    news.push(...events.filter(({ event }) => !FOLLOWS.has(event)));
  }
  news.sort((a, b) => a.wall_us - b.wall_us);
  const elected = news.findLast(({ event }) => event === 'leader');
  if (elected) news = news.filter(({ event, wall_us }) => event !== 'opened' || wall_us > elected.wall_us);
  news = news.filter(({ wall_us }) => wall_us >= news.at(-1).wall_us - NEWS_US).slice(-NEWS_MAX);
  return news.length > 0 ? news : last ? [last] : [];
}
