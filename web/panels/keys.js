// keys.js - the key-value view: what each node's applied entries say of each key, and where nodes differ.
import { h, keyed, put, say } from '../dom.js';
import { tableOf } from './values.js';

const ROWS_MAX = 40;

function contentOf(page, cell) {
  if (!cell.present) return h('span', { class: 'keys-none' }, page.t('keys.none'));
  if (cell.value === null) return h('span', { class: 'keys-none' }, page.t('keys.changed-by', cell.by));
  return h('span', { class: 'keys-value' }, cell.value, cell.cut ? '…' : null);
}

function fillCell(page, element, cell) {
  const note = cell.state === 'same' ? null : h('small', null, page.t(`keys.${cell.state}`));
  element.className = `keys-${cell.state}`;
  put(element, contentOf(page, cell), note && ' ', note);
}

export function create(element, page) {
  const about = h('p', { class: 'panel-note' });
  const empty = h('p', { class: 'panel-quiet' });
  const head = h('tr', null);
  const body = h('tbody', null);
  const caption = h('caption', { class: 'unseen' });
  const table = h('table', { class: 'keys-table' }, caption, h('thead', null, head), body);
  const scroll = h('div', { class: 'panel-scroll', tabindex: '0', role: 'group' }, table);
  const left = h('p', { class: 'panel-note' });
  put(element, about, empty, scroll, left);

  function fillHead(nodes) {
    const names = nodes.map((node) =>
      h('th', { scope: 'col' }, node.name, h('small', null, ' ', page.t('keys.applied', node.applied))),
    );
    put(head, h('th', { scope: 'col' }, page.t('keys.key')), names);
  }

  function fillRow(row, { key, cells }) {
    const state = `${page.language} ${JSON.stringify(cells)}`;
    if (row.shown === state) return;
    row.shown = state;
    const data = cells.map((cell) => {
      const td = h('td', null);
      fillCell(page, td, cell);
      return td;
    });
    put(row, h('th', { scope: 'row' }, h('span', { class: 'keys-value' }, key)), data);
  }

  function update() {
    const { nodes, rows, left: more } = tableOf(page.view, ROWS_MAX);
    say(about, page.t(page.view.live ? 'keys.about-live' : 'keys.about'));
    say(empty, page.t('keys.empty'));
    say(caption, page.t('keys.caption'));
    scroll.setAttribute('aria-label', page.t('keys.caption'));
    empty.hidden = rows.length > 0;
    scroll.hidden = rows.length === 0;
    left.hidden = more === 0;
    say(left, page.t('keys.left', more));
    fillHead(nodes);
    keyed(body, rows, (row) => row.key, () => h('tr', null), fillRow);
  }

  return { update };
}
