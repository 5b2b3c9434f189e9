// repair.js - how one follower's log is brought in line with its leader's, told from events and views.
//
// Nothing is decided here: the core repairs, and this file puts what it did in order. Two logs are compared by
// their entries' terms alone, since an entry's index and term name it (Log Matching, paper section 5.3).
//
// A repair is what happens between one leader and one follower in one term. It has a beginning (the step at
// which the leader came to power), and steps, each of which carries the rule that applied: `rule` is a key of
// the strings, `lens.rule.` before it.

const STEPS_MAX = 5000; // Of the history, looked at for one repair.

export function nodeOf(view, name) {
  return view.nodes.find((node) => node.name === name) ?? null;
}

// Whoever leads the highest term; an older leader may not know yet that it is one no more.
export function leaderOf(view) {
  const leaders = view.nodes.filter((node) => node.up && node.role === 'leader');
  return leaders.reduce((best, node) => (!best || node.term > best.term ? node : best), null);
}

// The entry's term; 0 if the log has none there or does not show it.
export function termAt(node, index) {
  return node.log[index - node.first]?.[0] ?? 0;
}

// A log as runs of terms: [{term, first, last}], oldest first.
export function runsOf(node) {
  const runs = [];
  node.log.forEach(([term], k) => {
    const index = node.first + k;
    const newest = runs.at(-1);
    if (newest?.term === term) newest.last = index;
    else runs.push({ term, first: index, last: index });
  });
  return runs;
}

// The last index at which both logs hold the same entry. `sure` is false if neither shows what lies below.
export function forkOf(a, b) {
  const bottom = Math.max(a.first, b.first);
  let index = Math.min(a.last, b.last);
  while (index >= bottom && termAt(a, index) !== termAt(b, index)) index--;
  return { index: Math.max(index, 0), sure: index >= bottom || bottom === 1 };
}

// What the leader's log was when it came to power: all that is not of its own term.
function lastInherited(leader) {
  let last = leader.last;
  while (last >= leader.first && termAt(leader, last) === leader.term) last--;
  return last;
}

// Entries above `fork` that did not come from this leader. (A live follower may be seen a moment later than its leader,
// and then holds newer ones that did.)
function extraAbove(follower, fork, term) {
  const shown = Math.max(0, fork - follower.first + 1);
  return follower.log.slice(shown).filter(([own]) => own !== term).length;
}

// Which of the paper's inconsistencies the follower has: it misses entries that the leader had when it came to
// power, holds extra ones, or both. `same`: neither.
export function inconsistencyOf(leader, follower) {
  const fork = forkOf(leader, follower);
  const missing = Math.max(0, lastInherited(leader) - fork.index);
  const extra = extraAbove(follower, fork.index, leader.term);
  const kind = missing && extra ? 'both' : missing ? 'misses' : extra ? 'extra' : 'same';
  return { kind, missing, extra, fork: fork.index, sure: fork.sure };
}

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

// The events behind `start` and up to step `last`, each with its step; until somebody else comes to power.
function* eventsFrom(source, start, last) {
  for (let k = start.step; k <= Math.min(last, start.step + STEPS_MAX); k++) {
    const told = k === start.step ? start.told : 0;
    for (const event of source.events(k).slice(told)) {
      if (event.event === 'leader') return;
      yield [k, event];
    }
  }
}

// Whose repair to show: the selected follower's, else that of the newest conflict in this leadership.
export function followerOf(source, position, leader, selected) {
  if (selected && selected !== leader.name) return selected;
  const start = beginningOf(source, position, leader.name, leader.term);
  let follower = null;
  for (const [, event] of eventsFrom(source, start, position)) {
    if (event.event === 'conflict' && event.node === leader.name) follower = event.peer;
    if (event.event === 'truncated' && event.node !== leader.name) follower = event.node;
  }
  return follower;
}

// ------------------------------------------------------------------------------------------------ the steps

// The message that an event speaks of, as views show it in flight just before or after.
function messageOf(source, k, event) {
  const [from, to] = event.event === 'delivered' ? [event.peer, event.node] : [event.node, event.peer];
  const steps = event.event === 'delivered' ? [k - 1, k - 2] : [k, k + 1];
  for (const step of steps) {
    if (step < source.first || step >= source.length) continue;
    const found = source.view(step).flying.filter(
      (message) =>
        message.from === from &&
        message.to === to &&
        message.type === event.message &&
        message.prev === (event.index ?? 0),
    );
    if (found.length > 0) return found.at(-1);
  }
  return null;
}

// A rejection's outline as runs. It describes the follower's log up to the entry rejected, or to its end.
function outlineOf(message, follower) {
  const runs = message?.outline ?? [];
  const top = Math.min(message?.prev ?? 0, follower.last);
  const endOf = (k) => (k + 1 < runs.length ? runs[k + 1][1] - 1 : Math.max(runs[k][1], top));
  return runs.map(([term, first], k) => ({ term, first, last: endOf(k) }));
}

const isRejection = (event) => event.message === 'append-reply' && (event.index ?? 0) > 0;

// What ends ordinary replication.
const RESUMES = new Set(['probe', 'absent', 'differs', 'rejects', 'fork', 'cuts', 'crashed', 'restarted']);

class Story {
  constructor(source, start, leader, term, follower) {
    this.source = source;
    this.leader = leader;
    this.follower = follower;
    this.term = term;
    this.steps = [];
    const view = source.view(start);
    const peer = nodeOf(view, leader)?.peers.find((each) => each.name === follower);
    this.match = peer?.match ?? 0; // What the leader knows the follower to hold.
    this.textbook = ['one', 'term'].includes(view.options.repair) ? view.options.repair : null;
    this.opening = nodeOf(view, leader)?.last ?? 0;
    this.done = false; // Until something goes wrong again, the rest is ordinary replication.
    this.begin(start, view, peer);
  }

  add(step, kind, rule, facts = {}) {
    if (RESUMES.has(kind)) this.done = false;
    if (this.done) return;
    this.steps.push({ step, kind, rule, ...facts });
    if (kind === 'repaired' || (kind === 'follower-commits' && facts.index >= this.opening)) this.done = true;
  }

  begin(start, view, peer) {
    const leader = nodeOf(view, this.leader);
    if (!peer || leader?.role !== 'leader' || (view.live && peer.progress !== 'probe')) return; // Seen too late.
    const known = !this.textbook && peer.progress === 'stream';
    const kind = known ? 'power-known' : 'power';
    this.add(start, kind, known ? 'outline-vote' : 'power', { next: peer.next, fork: peer.next - 1 });
  }

  tell(k, event) {
    if (event.node === this.leader) this.tellLeader(k, event);
    else if (event.node === this.follower) this.tellFollower(k, event);
  }

  tellLeader(k, event) {
    const concerns = event.peer === this.follower;
    if (event.event === 'committed') {
      const rule = this.source.view(k).options['commit-any-term'] === 'unsafe' ? 'commit-unsafe' : 'commit';
      this.add(k, 'leader-commits', rule, { index: event.index, term: event.term });
    } else if (!concerns) return;
    else if (event.event === 'sent' && event.message === 'append') this.tellAppend(k, event);
    else if (event.event === 'delivered' && event.message === 'append-reply') this.tellReply(k, event);
    else if (event.event === 'lost') this.add(k, 'lost', 'retry', { index: event.index ?? 0 });
    else if (event.event === 'conflict')
      this.add(k, 'fork', 'outline-fork', { index: event.index, fork: event.other ?? 0 });
    else if (event.event === 'repaired')
      this.add(k, 'repaired', 'next-match', {
        last: event.other,
        entries: event.entries ?? 0,
        trips: event.round_trips ?? 0,
      });
    else if (event.event === 'contradiction') this.add(k, 'contradiction', 'stopped', { index: event.index });
    else if (event.event === 'data-loss')
      this.add(k, 'data-loss', 'durable', { index: event.index, last: event.other ?? 0 });
  }

  // An append with nothing in it that goes no further than what matches is a heartbeat: it repairs nothing.
  tellAppend(k, event) {
    const prev = event.index ?? 0;
    const last = event.other ?? prev;
    const facts = { prev, last, prevTerm: this.termOfLeader(k, prev) };
    if (last > prev) this.add(k, 'entries', 'send', facts);
    else if (prev > this.match) this.add(k, 'probe', this.textbook ? 'send' : 'probe', facts);
  }

  tellReply(k, event) {
    if (isRejection(event)) {
      const facts = { prev: event.index, next: this.nextAfter(k) };
      const rule = { one: 'back-one', term: 'back-term' }[this.textbook];
      this.add(k, this.textbook ? 'steps-back' : 'rejection', rule ?? 'outline', facts);
    } else if ((event.other ?? 0) > this.match) {
      this.match = event.other;
      this.add(k, 'matches', 'next-match', { last: event.other });
    }
  }

  tellFollower(k, event) {
    const fromLeader = event.peer === this.leader;
    if (event.event === 'delivered' && fromLeader && event.message === 'append') this.tellArrival(k, event);
    else if (event.event === 'sent' && fromLeader && isRejection(event))
      this.add(k, 'rejects', this.textbook ? 'rule-2' : 'outline', {
        prev: event.index,
        outline: outlineOf(messageOf(this.source, k, event), nodeOf(this.source.view(k), this.follower)),
      });
    else if (event.event === 'sent' && fromLeader && event.message === 'append-reply' && event.other > this.match)
      this.add(k, 'acknowledges', 'durable', { last: event.other });
    else if (event.event === 'lost' && fromLeader) this.add(k, 'lost', 'retry', { index: event.index ?? 0 });
    else if (event.event === 'truncated')
      this.add(k, 'cuts', 'rule-3', { first: event.index, last: event.other ?? event.index, term: event.term });
    else if (event.event === 'appended')
      this.add(k, 'fills', 'rule-4', { first: event.index, last: event.other ?? event.index, term: event.term });
    else if (event.event === 'committed') this.add(k, 'follower-commits', 'rule-5', { index: event.index });
    else if (event.event === 'crashed' || event.event === 'restarted') this.add(k, event.event, 'retry');
  }

  // Receiver rules 1 and 2. A message that finds its place and brings nothing is not worth a sentence.
  tellArrival(k, event) {
    const view = this.source.view(k);
    const prev = event.index ?? 0;
    const last = event.other ?? prev;
    const wanted = this.termOfLeader(k, prev);
    const follower = nodeOf(view, this.follower);
    const found = termAt(follower, prev);
    const facts = { prev, last, prevTerm: wanted, found, end: follower.last };
    const terms = { theirs: event.term, mine: follower.term };
    if (terms.theirs < terms.mine) this.add(k, 'stale', 'rule-1', terms);
    else if (prev > 0 && found === 0 && prev > follower.last) this.add(k, 'absent', 'rule-2', facts);
    else if (prev > 0 && found !== wanted && found !== 0) this.add(k, 'differs', 'rule-2', facts);
    else if (last > prev) this.add(k, 'fits', 'rule-2', facts);
    else if (prev > this.match) this.add(k, 'fits-empty', 'rule-2', facts);
  }

  termOfLeader(k, index) {
    const leader = nodeOf(this.source.view(k), this.leader);
    return leader ? termAt(leader, index) : 0;
  }

  // Where the leader tries next: before what it sends next.
  nextAfter(k) {
    const limit = Math.min(this.source.length, k + 50);
    for (let after = k + 1; after < limit; after++)
      for (const event of this.source.events(after))
        if (event.event === 'sent' && event.node === this.leader && event.peer === this.follower)
          return (event.index ?? 0) + 1;
    return 0;
  }
}

// The repair of `follower` by the one who leads at `position`, with all its steps, also those that come later; null if
// nobody leads. `late`: no view shows the follower's log as it was before.
export function repairOf(source, position, follower) {
  const leader = leaderOf(source.view(position));
  if (!leader || !follower || follower === leader.name) return null;
  const start = beginningOf(source, position, leader.name, leader.term);
  const story = new Story(source, start.step, leader.name, leader.term, follower);
  for (const [k, event] of eventsFrom(source, start, source.length - 1)) story.tell(k, event);
  const late = story.steps.some(({ kind, step }) => step === start.step && (kind === 'cuts' || kind === 'repaired'));
  const { textbook, steps } = story;
  return { leader: leader.name, term: leader.term, follower, start: start.step, late, textbook, steps };
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
