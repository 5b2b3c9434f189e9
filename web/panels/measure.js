// measure.js - numbers over time, from the views of a source: how far followers lag, what a commit and a sync
// take, how much is written; and the work that takes long.
import { leaderOf } from './logs.js';

// Positions to look at, at most `count` and the last one, `position`. Of a live cluster the newest ones, since counters
// are compared from one view to the next; of a story all of it, at even distances that stay the same as it goes on:
// views of the past are played again, and kept.
export function positionsOf(source, position, count) {
  const isLive = source.kind === 'live';
  const first = isLive ? Math.max(source.first, position - count) : source.first;
  let stride = 1;
  while ((position - first) / stride > count) stride *= 2;
  const positions = [];
  for (let k = first; k < position; k += stride) positions.push(k);
  return [...positions, position];
}

// How many entries of the leader each of its followers is not known to hold: {name: entries}.
export function lagsOf(view) {
  const leader = leaderOf(view);
  const lags = {};
  for (const peer of leader?.peers ?? []) lags[peer.name] = Math.max(0, leader.last - peer.match);
  return lags;
}

// The lag of each follower over these views: {name: [entries or null]}; null where nobody leads.
export function lagSeries(views) {
  const series = {};
  views.forEach((view, k) => {
    for (const [name, lag] of Object.entries(lagsOf(view)))
      (series[name] ??= Array(views.length).fill(null))[k] = lag;
  });
  return series;
}

// Two counters' differences between neighbouring views, divided: null where the lower one did not move, or
// where the process is a new one.
function ratio(before, after, over, under) {
  const amount = after[over] - before[over];
  const count = after[under] - before[under];
  return count > 0 && amount >= 0 ? amount / count : null;
}

function pairsOf(views, pick) {
  return views.map((view, k) => {
    const after = pick(view);
    const before = after && k > 0 ? views[k - 1].nodes.find((node) => node.name === after.name) : null;
    return before?.up && after.up ? { before, after, us: view.time_us - views[k - 1].time_us } : null;
  });
}

// What a commit took, as the leader measured it, in microseconds.
export function commitSeries(views) {
  return pairsOf(views, leaderOf).map((pair) =>
    pair ? ratio(pair.before.counters, pair.after.counters, 'commit_us', 'commits') : null,
  );
}

// What a sync of this node's disk took, in microseconds.
export function syncSeries(views, name) {
  const pick = (view) => view.nodes.find((node) => node.name === name);
  return pairsOf(views, pick).map((pair) =>
    pair ? ratio(pair.before.counters, pair.after.counters, 'sync_us', 'syncs') : null,
  );
}

// Entries committed in a second, by the leader's commit index.
export function writeSeries(views) {
  return pairsOf(views, leaderOf).map((pair) =>
    pair && pair.us > 0 ? (Math.max(0, pair.after.commit - pair.before.commit) * 1e6) / pair.us : null,
  );
}

// Messages that were sent while each of the scenario's lines up to that of `position` played: the newest
// `count` lines, as [{line, sent}].
export function messagesByLine(source, position, count) {
  const lines = [];
  for (let k = position; k > source.first && lines.length <= count; k--) {
    const line = source.lineOf(k);
    if (lines[0]?.line !== line) lines.unshift({ line, sent: 0 });
    lines[0].sent += source.events(k).filter((event) => event.event === 'sent').length;
  }
  return lines.slice(-count);
}

// ------------------------------------------------------------------------------------------------ long work

const ENTRIES = 1000; // Fewer are caught up with before anybody could read of it.
const WINDOW_US = 2e6; // Over which a rate is measured.

// The oldest of the views that is within the window before the newest.
function earlier(views) {
  const now = views.at(-1).time_us;
  return views.find((view) => now - view.time_us <= WINDOW_US) ?? views.at(-1);
}

function perSecond(amount, us) {
  return us > 0 ? (amount * 1e6) / us : 0;
}

function catchUp(leader, before, peer, us) {
  const peerBefore = before?.peers.find((each) => each.name === peer.name);
  const behind = leader.last - peer.match;
  const writes = perSecond(leader.last - (before?.last ?? leader.last), us);
  const link = perSecond(peer.match - (peerBefore?.match ?? peer.match), us);
  const gains = link - writes;
  return { kind: 'catch-up', node: peer.name, behind, writes, link, gains, left_s: gains > 0 ? behind / gains : null };
}

function replay(node, before, us) {
  const behind = node.commit - node.applied;
  const gains = perSecond(node.applied - (before?.applied ?? node.applied), us);
  const left_s = gains > 0 ? behind / gains : null;
  return { kind: 'replay', node: node.name, behind, writes: 0, link: gains, gains, left_s };
}

// What takes long at the last of these views: followers that are far behind their leader, and nodes that have
// far to go in applying. Rates are measured over the last two seconds of the cluster's time.
export function jobsOf(views) {
  const view = views.at(-1);
  const start = earlier(views);
  const us = view.time_us - start.time_us;
  const leader = leaderOf(view);
  const then = leader && start.nodes.find((node) => node.name === leader.name);
  const before = then?.up && then.role === 'leader' && then.term === leader.term ? then : null;
  const followers = (leader?.peers ?? []).map((peer) => catchUp(leader, before, peer, us));
  const appliers = view.nodes
    .filter((node) => node.up)
    .map((node) => replay(node, start.nodes.find((each) => each.name === node.name && each.up), us));
  return [...followers, ...appliers].filter((job) => job.behind >= ENTRIES);
}
