// verdict.js - the cluster in one line: is it well, who leads, in which term, how much more may fail.
import { h, put, say, set } from '../dom.js';
import { leaderOf } from './logs.js';
import { gravestOf, nameOf } from './properties.js';

const MARKS = {
  healthy: '●',
  degraded: '◐',
  unavailable: '○',
  starting: '◌',
  leaderless: '◌',
  electing: '◌',
  unknown: '?',
};

export function create(element, page) {
  const badge = h('span', { class: 'badge' });
  const mark = h('span', { class: 'health-mark', 'aria-hidden': 'true' });
  const health = h('strong', { class: 'health' });
  const facts = h('dl', { class: 'facts' });
  const broken = h('p', { class: 'broken', role: 'alert', hidden: true });
  element.append(badge, h('div', { class: 'verdict-line' }, h('span', {}, mark, ' ', health), facts), broken);
  let latest = null; // The view shown as the newest, and since when.
  let timer = null;

  // Of the newest live view; what was seen earlier is judged as it was.
  function ageUs() {
    if (latest?.view !== page.view) latest = { view: page.view, since: performance.now() };
    return page.view.live && page.following ? (performance.now() - latest.since) * 1000 : 0;
  }

  function update() {
    const verdict = judge(page.view, ageUs());
    clearTimeout(timer);
    if (page.view.live && page.following && verdict.patience_us > 0)
      timer = setTimeout(update, verdict.patience_us / 1000 + 1);
    const lost = page.source.connected === false;
    const kind = lost ? 'lost' : page.view.live ? 'live' : 'simulation';
    set(badge, { class: `badge ${kind}`, title: page.t(`badge.${kind}.why`) });
    say(badge, page.t(`badge.${kind}`));
    set(element, { 'data-health': lost ? 'unknown' : verdict.health });
    say(mark, MARKS[lost ? 'unknown' : verdict.health]);
    say(health, lost ? page.t('verdict.lost') : sentence(page, verdict));
    put(
      facts,
      fact('verdict.leader', verdict.leader ?? '–'),
      fact('verdict.term', verdict.term),
      fact('verdict.committed', page.view.committed),
    );
    const found = gravestOf(page.view.broken);
    set(broken, { hidden: !found, title: found?.text });
    say(broken, found ? page.t('verdict.broken', nameOf(page, found.rule)) : '');
  }

  function fact(key, value) {
    return h('div', {}, h('dt', {}, page.t(key)), h('dd', {}, String(value)));
  }

  return { update };
}

// How long a cluster may take to begin, and its election, before it is said to be unavailable.
const BEGINS_US = 10e6;
const ELECTION_TIMEOUTS = 3;
const STANDS = new Set(['precandidate', 'candidate']);

// The four words that the command line and /readyz use; but while no leader was to be expected yet, `starting` or
// `electing`, and `leaderless` in a playground where nobody stands for election. `term`: the leader's, or without one
// the highest. `parted`: some live, and are cut off. `patience_us`: how long it stays so, if nothing is heard.
export function judge(view, age_us = 0) {
  const voters = view.nodes.filter((node) => node.voter);
  const leader = leaderOf(view);
  const living = voters.filter((node) => node.up && !node.paused);
  const up = together(view, living, leader);
  const needs = Math.floor(voters.length / 2) + 1;
  const term = leader?.term ?? Math.max(0, ...view.nodes.map((node) => node.term));
  // Who is down says nothing.
  const isFounded = !view.live || living.length === 0 || view.nodes.some((node) => node.founded);
  const patience_us = view.live && !leader ? patienceOf(view, up < needs ? [] : living) - age_us : 0;
  let health = 'healthy';
  if (voters.length === 0) health = 'unknown';
  else if (!isFounded) health = 'starting';
  else if (up < needs) health = patience_us > 0 ? 'starting' : 'unavailable';
  else if (!leader && view.live) health = patience_us > 0 ? 'electing' : 'unavailable';
  else if (!leader) health = living.some(({ role }) => STANDS.has(role)) ? 'electing' : 'leaderless';
  else if (up < voters.length || leader.health.startsWith('degraded')) health = 'degraded';
  const parted = up < living.length;
  return {
    health,
    up,
    parted,
    voters: voters.length,
    needs,
    tolerates: up - needs,
    leader: leader?.name,
    term,
    patience_us,
  };
}

// How much longer there may be no leader, as the one who tells has not been up for long, or those who can elect one
// have not been without for long.
function patienceOf(view, electors) {
  const left = electors.map((node) => ELECTION_TIMEOUTS * node.election_timeout_us - node.leaderless_us);
  return Math.max(BEGINS_US - view.time_us, ...left);
}

// How many of the living count: those whom the leader reaches, and who reach it; without a leader, the most that any
// of them has about itself.
function together(view, living, leader) {
  const isCut = (a, b) => view.cut.some((link) => link.includes(a.name) && link.includes(b.name));
  const around = (one) => living.filter((other) => other === one || !isCut(one, other)).length;
  return leader ? around(leader) : Math.max(0, ...living.map(around));
}

function sentence(page, { health, up, parted, voters, needs, tolerates, leader }) {
  const count = page.t(!parted ? 'verdict.up' : leader ? 'verdict.reach-leader' : 'verdict.reach-others', up, voters);
  if (health === 'unavailable') return page.t(up < needs ? 'verdict.no-quorum' : 'verdict.no-leader', count, needs);
  return page.t(`verdict.${health}`, count, tolerates);
}
