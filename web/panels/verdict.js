// verdict.js - the cluster in one line: is it well, who leads, in which term, how much more may fail.
import { h, put, say, set } from '../dom.js';

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
    say(mark, { healthy: '●', degraded: '◐', unavailable: '○', unknown: '?' }[lost ? 'unknown' : verdict.health]);
    say(health, lost ? page.t('verdict.lost') : sentence(page, verdict));
    put(
      facts,
      fact('verdict.leader', verdict.leader ?? '–'),
      fact('verdict.term', verdict.term),
      fact('verdict.committed', page.view.committed),
    );
    const rule = page.view.broken.at(-1);
    set(broken, { hidden: !rule });
    say(broken, rule ? page.t('verdict.broken', rule.text) : '');
  }

  function fact(key, value) {
    return h('div', {}, h('dt', {}, page.t(key)), h('dd', {}, String(value)));
  }

  return { update };
}

// The same four words that the command line and /readyz use.
export function judge(view) {
  const voters = view.nodes.filter((node) => node.voter);
  const leader = leaderOf(view);
  const up = voters.filter((node) => node.up && !node.paused && !isApart(view, leader, node)).length;
  const needs = Math.floor(voters.length / 2) + 1;
  const term = Math.max(0, ...view.nodes.map((node) => node.term));
  let health = 'healthy';
  if (voters.length === 0) health = 'unknown';
  else if (up < needs || !leader) health = 'unavailable';
  else if (up < voters.length || leader.health.startsWith('degraded')) health = 'degraded';
  return { health, up, voters: voters.length, needs, tolerates: up - needs, leader: leader?.name, term };
}

// Whom its leader cannot reach, or who cannot answer, is as good as down.
function isApart(view, leader, node) {
  return node !== leader && view.cut.some((link) => link.includes(leader?.name) && link.includes(node.name));
}

// The leader of the highest term that lives.
export function leaderOf(view) {
  const leaders = view.nodes.filter((node) => node.up && node.role === 'leader');
  return leaders.sort((a, b) => b.term - a.term)[0];
}

function sentence(page, { health, up, voters, needs, tolerates, leader }) {
  if (health === 'unavailable' && !leader && up >= needs) return page.t('verdict.no-leader', up, voters);
  if (health === 'unavailable') return page.t('verdict.no-quorum', up, voters, needs);
  if (health === 'unknown') return page.t('verdict.unknown');
  return page.t(`verdict.${health}`, up, voters, tolerates);
}
