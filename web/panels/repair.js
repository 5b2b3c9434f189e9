// repair.js - how one follower's log is brought in line with its leader's, told from events and views.
//
// Nothing is decided here: the core repairs, and this file puts what it did in order. A repair is what happens between
// one leader and one follower in one term. It has a beginning (the step at which the leader came to power), and steps,
// each of which carries the rule that applied: `kind` and `rule` name the strings `lens.step.KIND`, `lens.rule.RULE`.
import { leaderOf, nodeOf, termAt } from './logs.js';

const STEPS_MAX = 5000; // Of the history, looked at for one repair.

// ------------------------------------------------------------------------------------------- the beginning

// Where this leader came to power: the step, and how many of its events were told by then. If no event says so, the
// oldest step there is.
export function beginningOf(source, position, leader, term) {
  const isIt = (event) => event.event === 'leader' && event.node === leader && event.term === term;
  for (let step = position; step >= source.first; step--) {
    const told = source.events(step).findIndex(isIt) + 1;
    if (told > 0) return { step, told };
    if (position - step === STEPS_MAX) return { step, told: source.events(step).length };
  }
  return { step: source.first, told: 0 };
}

// The events of step k that belong to the leadership that began at `start`.
function eventsOf(source, start, k) {
  return k === start.step ? source.events(k).slice(start.told) : source.events(k);
}

// Whose repair to show: the selected follower's, else that of the newest conflict in this leadership.
export function followerOf(source, position, leader, selected) {
  if (selected && selected !== leader.name) return selected;
  const start = beginningOf(source, position, leader.name, leader.term);
  let follower = null;
  for (let k = start.step; k <= position; k++)
    for (const event of eventsOf(source, start, k)) {
      if (event.event === 'conflict' && event.node === leader.name) follower = event.peer;
      if (event.event === 'truncated' && event.node !== leader.name) follower = event.node;
    }
  return follower;
}

// ------------------------------------------------------------------------------------------------ the steps

const isRejection = (event) => event.message === 'append-reply' && event.rejected;

// A rejection's outline as runs, from the message as it is seen in flight. It describes the follower's log up to the
// entry rejected, or to its end.
function outlineOf(view, event) {
  const isIt = ({ from, to, type, prev }) =>
    from === event.node && to === event.peer && type === event.message && prev === event.index;
  const runs = view.flying.findLast(isIt)?.outline ?? [];
  const top = Math.min(event.index, nodeOf(view, event.node).last);
  const endOf = (k) => (k + 1 < runs.length ? runs[k + 1][1] - 1 : Math.max(runs[k][1], top));
  return runs.map(([term, first], k) => ({ term, first, last: endOf(k) }));
}

// What ends ordinary replication.
const RESUMES = new Set(['probe', 'rejects', 'fork', 'cuts', 'crashed', 'restarted']);

// Goes on as the source does: views of a playground's past are played again for each look, so it looks at few.
class Story {
  constructor(source, start, leader, follower) {
    Object.assign(this, { source, start, leader: leader.name, term: leader.term, follower, next: start.step });
    this.steps = [];
    this.committed = 0; // What the follower has heard to be committed.
    this.done = false; // Until something goes wrong again, the rest is ordinary replication.
    this.ended = false; // Somebody else came to power.
    this.begin(source.view(start.step));
  }

  begin(view) {
    const leader = nodeOf(view, this.leader);
    const peer = leader.peers.find((each) => each.name === this.follower);
    this.first = leader; // The leader's log as it was: it only appends to it, entries of its own term.
    this.match = peer?.match ?? 0; // What the leader knows the follower to hold.
    this.textbook = ['one', 'term'].includes(view.options.repair) ? view.options.repair : null;
    this.commitRule = view.options['commit-any-term'] === 'unsafe' ? 'commit-unsafe' : 'commit';
    if (!peer || leader.role !== 'leader' || (view.live && peer.progress !== 'probe')) return; // Seen too late.
    const known = !this.textbook && peer.progress === 'stream';
    const facts = { next: peer.next, fork: peer.next - 1 };
    this.add(this.start.step, known ? 'power-known' : 'power', known ? 'outline-vote' : 'power', facts);
  }

  goOn() {
    const last = Math.min(this.source.length - 1, this.start.step + STEPS_MAX);
    for (; this.next <= last && !this.ended; this.next++)
      for (const event of eventsOf(this.source, this.start, this.next)) {
        this.ended ||= event.event === 'leader';
        if (!this.ended) this.tell(this.next, event);
      }
  }

  add(step, kind, rule, facts = {}) {
    if (RESUMES.has(kind)) this.done = false;
    if (this.done) return;
    this.steps.push({ step, kind, rule, ...facts });
    if (kind === 'follower-commits') this.committed = facts.index;
    this.done = kind === 'repaired' || Math.min(this.match, this.committed) >= this.first.last;
  }

  termOfLeader(index) {
    return index > this.first.last ? this.term : termAt(this.first, index);
  }

  tell(k, event) {
    if (event.node === this.leader && event.peer === this.follower) this.tellLeader(k, event);
    else if (event.node === this.leader && event.event === 'committed')
      this.add(k, 'leader-commits', this.commitRule, { index: event.index, term: event.term });
    else if (event.node === this.follower) this.tellFollower(k, event);
  }

  tellLeader(k, event) {
    const { index = 0, other = 0 } = event;
    switch (event.event) {
      case 'sent':
        return event.message === 'append' && this.tellAppend(k, event);
      case 'delivered':
        return event.message === 'append-reply' && this.tellReply(k, event);
      case 'lost':
        return this.add(k, 'lost', 'retry');
      case 'conflict':
        return this.tellFork(k, index, other);
      case 'repaired':
        return this.add(k, 'repaired', 'next-match', {
          last: other,
          entries: event.entries ?? 0,
          trips: event.round_trips ?? 0,
        });
      case 'contradiction':
        return this.add(k, 'contradiction', 'stopped', { index });
      case 'data-loss':
        return this.add(k, 'data-loss', 'durable', { index, last: other });
    }
  }

  // The core says so behind what it sends at once in consequence; told in the order in which it is understood.
  tellFork(k, index, fork) {
    const at = this.steps.findLastIndex(({ kind }) => kind === 'rejection') + 1;
    const behind = at > 0 ? this.steps.splice(at) : [];
    this.add(behind[0]?.step ?? k, 'fork', 'outline-fork', { index, fork });
    this.steps.push(...behind);
  }

  // An append with nothing in it that goes no further than what matches is a heartbeat: it repairs nothing.
  tellAppend(k, { index: prev = 0, other: last = prev }) {
    const facts = { prev, last, prevTerm: this.termOfLeader(prev) };
    const back = this.steps.at(-1);
    if (back?.kind === 'steps-back') back.next = prev + 1;
    if (last > prev) this.add(k, 'entries', 'send', facts);
    else if (prev > this.match) this.add(k, 'probe', this.textbook ? 'send' : 'probe', facts);
  }

  tellReply(k, event) {
    const back = { one: 'back-one', term: 'back-term' }[this.textbook];
    if (isRejection(event) && back) this.add(k, 'steps-back', back, { prev: event.index, next: event.index });
    else if (isRejection(event)) this.add(k, 'rejection', 'outline', { prev: event.index });
    else if ((event.other ?? 0) > this.match) {
      this.match = event.other;
      this.add(k, 'matches', 'next-match', { last: event.other });
    }
  }

  tellFollower(k, event) {
    const { index: first = 0, other: last = first, term } = event;
    if (event.peer === this.leader) this.tellMessage(k, event);
    switch (event.event) {
      case 'truncated':
        return this.add(k, 'cuts', 'rule-3', { first, last, term });
      case 'appended':
        return this.add(k, 'fills', 'rule-4', { first, last, term });
      case 'committed':
        return this.add(k, 'follower-commits', 'rule-5', { index: first });
      case 'crashed':
      case 'restarted':
        return this.add(k, event.event, 'retry');
    }
  }

  tellMessage(k, event) {
    if (event.event === 'lost') this.add(k, 'lost', 'retry');
    else if (event.event === 'delivered' && event.message === 'append' && !this.done) this.tellArrival(k, event);
    else if (event.event !== 'sent' || event.message !== 'append-reply') return;
    else if (isRejection(event)) this.tellRejection(k, event);
    else if (event.other > this.match) this.add(k, 'acknowledges', 'durable', { last: event.other });
  }

  tellRejection(k, event) {
    const outline = outlineOf(this.source.view(k), event);
    this.add(k, 'rejects', this.textbook ? 'rule-2' : 'outline', { prev: event.index, outline });
  }

  // Receiver rules 1 and 2. A message that finds its place and brings nothing is not worth a sentence.
  tellArrival(k, { index: prev = 0, other: last = prev, term }) {
    if (last === prev && prev <= this.match) return;
    const follower = nodeOf(this.source.view(k), this.follower);
    const found = termAt(follower, prev);
    const facts = { prev, last, prevTerm: this.termOfLeader(prev), found, end: follower.last };
    if (term < follower.term) this.add(k, 'stale', 'rule-1', { theirs: term, mine: follower.term });
    else if (prev > follower.last) this.add(k, 'absent', 'rule-2', facts);
    else if (prev > 0 && found !== facts.prevTerm) this.add(k, 'differs', 'rule-2', facts);
    else this.add(k, last > prev ? 'fits' : 'fits-empty', 'rule-2', facts);
  }
}

// ------------------------------------------------------------------------------------------------- repairs

// In which of the ways that can be compared the follower's log was repaired; null if nothing shows it. A leader that
// asks did not hear of the log with the vote.
function wayOf(textbook, steps) {
  if (textbook) return textbook;
  if (steps[0]?.kind === 'power-known') return 'vote';
  return steps.some(({ kind }) => kind === 'probe' || kind === 'rejection') ? 'outline' : null;
}

// Whether this page came too late to see the follower's log as it was, or has never heard of it.
function isUnseen(source, start, name, steps) {
  const follower = nodeOf(source.view(start), name);
  const isOver = ({ kind, step }) => step === start && (kind === 'cuts' || kind === 'repaired');
  return steps.some(isOver) || (!follower.up && follower.log.length === 0 && source.kind === 'live');
}

// The repairs of one page. `epoch` rises when steps that were there may have become others; until then a repair that
// was told once only goes on.
export class Repairs {
  story = null;

  // Of `follower`, by the one who leads at `position`, with all its steps, also those that come later; null if nobody
  // else leads. `unseen`: no view shows the follower's log as it was before.
  of({ source, epoch }, position, follower) {
    const leader = leaderOf(source.view(position));
    if (!leader || !follower || follower === leader.name) return null;
    const start = beginningOf(source, position, leader.name, leader.term);
    const key = JSON.stringify([epoch, start, leader.name, leader.term, follower]);
    if (this.key !== key || this.story.source !== source) this.story = new Story(source, start, leader, follower);
    this.key = key;
    this.story.goOn();
    const { steps, textbook, term } = this.story;
    const unseen = isUnseen(source, start.step, follower, steps);
    const way = wayOf(textbook, steps);
    return { leader: leader.name, term, follower, start: start.step, unseen, textbook, way, steps };
  }
}

// What of a repair has happened at `position`, as marks on the logs: the entry that was asked for last, the outline
// that came back, and the fork (null while it is not known).
export function marksOf(repair, position) {
  const marks = { probe: 0, outline: [], fork: null };
  for (const step of repair.steps) {
    if (step.step > position) break;
    if (step.kind === 'power-known' || step.kind === 'fork') marks.fork = step.fork;
    else if (step.kind === 'probe' || step.kind === 'entries') marks.probe = step.prev;
    else if (step.kind === 'rejects') marks.outline = step.outline;
    else if (step.kind === 'fits' || step.kind === 'fits-empty') marks.fork ??= step.prev;
  }
  return marks;
}
