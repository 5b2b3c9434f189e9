// verdict.js - the cluster in one line: is it well, who leads, in which term, how much more may fail.
import { h, put, say, set } from '../dom.js';
import { leaderOf } from './logs.js';
import { gravestOf, nameOf } from './properties.js';

const MARKS = { healthy: '●', degraded: '◐', unavailable: '○', starting: '◌', electing: '◌', unknown: '?' };

export function create(element, page) {
  const badge = h('span', { class: 'badge' });
  const mark = h('span', { class: 'health-mark', 'aria-hidden': 'true' });
  const health = h('strong', { class: 'health' });
  const facts = h('dl', { class: 'facts' });
  const broken = h('p', { class: 'broken', role: 'alert', hidden: true });
  element.append(badge, h('div', { class: 'verdict-line' }, mark, health, facts), broken);

  function update() {
    const verdict = judge(page.view);
    set(badge, {
      class: `badge ${page.view.live ? 'live' : 'simulation'}`,
      title: page.t(page.view.live ? 'badge.live.why' : 'badge.simulation.why'),
    });
    say(badge, page.t(page.view.live ? 'badge.live' : 'badge.simulation'));
    const lost = page.source.connected === false;
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

// How long a cluster may take to begin, before it is said to be unavailable.
const BEGINS_US = 10e6;

// The four words that the command line and /readyz use; but while no leader was to be expected yet, `starting` or
// `electing`. `parted`: some live, and are cut off.
export function judge(view) {
  const voters = view.nodes.filter((node) => node.voter);
  const leader = leaderOf(view);
  const living = voters.filter((node) => node.up && !node.paused);
  const up = together(view, living, leader);
  const needs = Math.floor(voters.length / 2) + 1;
  const term = Math.max(0, ...view.nodes.map((node) => node.term));
  const begins = view.live && view.time_us < BEGINS_US;
  let health = 'healthy';
  if (voters.length === 0) health = 'unknown';
  else if (up < needs) health = begins ? 'starting' : 'unavailable';
  else if (!leader) health = begins || !view.live ? 'electing' : 'unavailable';
  else if (up < voters.length || leader.health.startsWith('degraded')) health = 'degraded';
  const parted = up < living.length;
  return { health, up, parted, voters: voters.length, needs, tolerates: up - needs, leader: leader?.name, term };
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
