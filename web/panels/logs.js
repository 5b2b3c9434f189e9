// logs.js - what a view says of nodes and their logs, and where two logs part.
//
// Logs are compared by their entries' terms alone, since index and term name an entry (Log Matching, paper §5.3).
// A live node shows the end of its log only: `first` is the index of the first entry there is.

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

// The view as it was before the leader added anything: without entries of its term.
export function inheritedView(view, leader) {
  const cut = (node) => {
    const own = node.log.findIndex(([term]) => term === leader.term);
    return own < 0 ? node : { ...node, log: node.log.slice(0, own), last: node.first + own - 1 };
  };
  return { ...view, nodes: view.nodes.map(cut) };
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

// How the follower's log stands beside its leader's now: with an inconsistency of the above; `behind` by so many of the
// entries that the leader has added since; or in line, as the `same`. Where more happens than is seen, the two logs are
// not of one moment: of a follower that is up only what `agrees` is known then.
export function standingOf(leader, follower, sampled) {
  const { kind, fork } = inconsistencyOf(leader, follower);
  const behind = Math.max(0, leader.last - fork);
  if (kind !== 'same' || behind === 0) return { kind, behind, fork };
  return { kind: sampled && follower.up ? 'agrees' : 'behind', behind, fork };
}

export function isInLine(leader, follower, sampled) {
  return ['same', 'agrees'].includes(standingOf(leader, follower, sampled).kind);
}
