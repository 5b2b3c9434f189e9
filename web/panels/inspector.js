// inspector.js - all that one node holds: its state by the paper's names, its log as an outline and entry by entry,
// and, of a leader, what it knows of each follower.
import { h, put, say } from '../dom.js';
import { nodeOf, runsOf, termAt } from './logs.js';
import { duration, number } from './numbers.js';
import { termClass } from './terms.js';

const ENTRIES_MAX = 200; // The newest ones.

// ---------------------------------------------------------------------------------------------------- state

// {label, value}: `label` names the string that says what it is, and, with `.means`, what the paper calls it.
function factsOf(page, node) {
  const { view } = page;
  const none = page.t('inspector.none');
  return [
    { label: 'role', value: page.t(`inspector.role.${node.paused ? 'paused' : node.role}`) },
    node.problem ? { label: 'problem', value: node.problem } : null,
    { label: 'term', value: number(page, node.term) },
    { label: 'vote', value: node.vote || none },
    { label: 'leader', value: node.leader || none },
    { label: 'last', value: lastOf(page, node) },
    { label: 'durable', value: number(page, node.durable) },
    { label: 'commit', value: number(page, node.commit) },
    { label: 'applied', value: number(page, node.applied) },
    view.live ? null : { label: 'timer', value: timerOf(page, node) },
    { label: view.live ? 'log-size' : 'disk', value: diskOf(page, view, node) },
    node.damage ? { label: 'damage', value: node.damage } : null,
    node.health ? { label: 'health', value: node.health } : null,
    view.live && node.up ? { label: 'memory', value: bytes(page, node.counters.memory) } : null,
    view.live && node.up ? { label: 'clients', value: number(page, node.counters.clients) } : null,
  ].filter(Boolean);
}

function lastOf(page, node) {
  if (node.last === 0) return page.t('inspector.empty');
  return page.t('inspector.last-of', number(page, node.last), termAt(node, node.last));
}

function timerOf(page, node) {
  if (node.election_us < 0) return page.t('inspector.no-timer');
  return page.t('inspector.timer-of', duration(page, node.election_us), duration(page, node.timeout_us));
}

const MIB = 2 ** 20;
const bytes = (page, size) =>
  size < MIB
    ? page.t('inspector.bytes', number(page, size))
    : page.t('inspector.mib', number(page, Math.round(size / MIB)));

function diskOf(page, view, node) {
  if (view.live) return bytes(page, node.counters.disk);
  const speed = page.t(`inspector.disk.${node.disk}`);
  return node.writes > 0 ? page.t('inspector.writes-wait', speed, node.writes) : speed;
}

function factRow(page, { label, value }) {
  const means = h('small', null, page.t(`inspector.${label}.means`));
  const term = h('dt', null, page.t(`inspector.${label}`), means);
  return h('div', { class: 'inspector-fact' }, term, h('dd', null, value));
}

// --------------------------------------------------------------------------------------------------- tables

function headOf(page, columns) {
  return h('tr', null, columns.map((name) => h('th', { scope: 'col' }, page.t(`inspector.column.${name}`))));
}

// A table that scrolls in a frame of its own, and so can be reached by the keyboard.
function scroll(name, label, head, rows) {
  const table = h('table', null, h('thead', null, head), h('tbody', null, rows));
  return h('div', { class: `panel-scroll ${name}`, tabindex: '0', role: 'group', 'aria-label': label }, table);
}

// ------------------------------------------------------------------------------------------------------ log

function outline(page, node) {
  const runs = runsOf(node).map(({ term, first, last }) =>
    h(
      'li',
      { class: `run ${termClass(term)}` },
      h('b', null, page.t('inspector.run-term', term)),
      ' ',
      first === last ? page.t('inspector.run-one', first) : page.t('inspector.run', first, last),
    ),
  );
  if (node.first > 1) runs.unshift(h('li', { class: 'run run-folded' }, page.t('inspector.not-shown', node.first - 1)));
  return h('ol', { class: 'inspector-outline' }, runs);
}

function stateOf(node, index) {
  if (index <= node.applied) return 'applied';
  if (index <= node.commit) return 'committed';
  return index <= node.durable ? 'durable' : 'held';
}

function entryRow(page, node, index, [term, kind, text]) {
  const what = kind === 'c' ? text || page.t('inspector.kind.c') : page.t(`inspector.kind.${kind}`);
  return h(
    'tr',
    null,
    h('th', { scope: 'row' }, index),
    h('td', null, term),
    h('td', { class: 'inspector-what' }, what),
    h('td', null, page.t(`inspector.state.${stateOf(node, index)}`)),
  );
}

function entries(page, node) {
  const from = Math.max(0, node.log.length - ENTRIES_MAX);
  const rows = node.log.slice(from).map((entry, k) => entryRow(page, node, node.first + from + k, entry));
  const head = headOf(page, ['index', 'term', 'entry', 'state']);
  return scroll('inspector-entries', page.t('inspector.entries'), head, rows.reverse());
}

// ---------------------------------------------------------------------------------------------------- peers

function peerRow(page, peer) {
  const state = peer.up ? page.t(`inspector.progress.${peer.progress}`) : page.t('inspector.progress.down');
  const [next, match] = [peer.next, peer.match].map((value) => number(page, value));
  const cells = [next, match, state, number(page, peer.rejections), number(page, peer.sent)];
  return h('tr', null, h('th', { scope: 'row' }, peer.name), cells.map((cell) => h('td', null, cell)));
}

function peers(page, node) {
  if (node.role !== 'leader' || node.peers.length === 0) return null;
  const columns = ['follower', 'next', 'match', 'progress', 'rejections', 'sent'];
  return [
    h('h3', null, page.t('inspector.peers')),
    h('p', { class: 'panel-note' }, page.t('inspector.peers.means')),
    scroll('', page.t('inspector.peers'), headOf(page, columns), node.peers.map((peer) => peerRow(page, peer))),
  ];
}

// ---------------------------------------------------------------------------------------------------- panel

export function create(element, page) {
  const choice = h('select', { onchange: (event) => page.select(event.target.value) });
  const label = h('span', null);
  const body = h('div', null);
  const summary = h('summary', null);
  const list = h('div', null);
  const details = h('details', { class: 'inspector-log', ontoggle: () => fillEntries() }, summary, list);
  element.append(h('label', { class: 'inspector-choice' }, label, ' ', choice), body, details);
  let node = null;
  let shown = null;
  let listed = null;

  // Many rows, and mostly folded up.
  function fillEntries() {
    if (!details.open || listed === shown) return;
    listed = shown;
    put(list, entries(page, node));
  }

  function update() {
    node = nodeOf(page.view, page.selected) ?? page.view.nodes[0];
    const state = JSON.stringify([page.language, page.view.live, page.view.nodes.map(({ name }) => name), node]);
    if (state === shown) return;
    shown = state;
    say(label, page.t('inspector.node'));
    say(summary, page.t('inspector.entries'));
    put(choice, page.view.nodes.map(({ name }) => h('option', { value: name }, name)));
    choice.value = node.name;
    put(
      body,
      h('dl', { class: 'inspector-facts' }, factsOf(page, node).map((fact) => factRow(page, fact))),
      peers(page, node),
      h('h3', null, page.t('inspector.outline')),
      h('p', { class: 'panel-note' }, page.t('inspector.outline.means')),
      outline(page, node),
    );
    fillEntries();
  }

  return { update };
}
