// lens_logs.js - the two logs of a repair, one above the other: the leader's, the follower's as it was, and as it is,
// with the place that was asked for, the outline that came back, and the fork.
import { h } from '../dom.js';
import { inconsistencyOf, termAt } from './logs.js';
import { marksOf } from './repair.js';
import { termClass } from './terms.js';

const COLUMNS_ALL = 24; // A longer log is shown from a little before the fork.
const COLUMNS_MAX = 40;
const BEFORE_FORK = 5;

// The columns to show: all, or those from a little before the place where the logs part.
function columnsOf(leader, before, now) {
  const first = Math.max(Math.min(leader.first, now.first), 1);
  const last = Math.max(leader.last, before.last, now.last, 1);
  const { fork } = inconsistencyOf(leader, before);
  const from = last - first < COLUMNS_ALL ? first : Math.max(first, fork - BEFORE_FORK);
  const to = Math.min(last, from + COLUMNS_MAX - 1);
  return Array.from({ length: to - from + 1 }, (unused, k) => from + k);
}

function cell(node, index, mark, words) {
  const term = termAt(node, index);
  if (term === 0) return h('td', { class: `lens-cell lens-missing ${mark}` });
  const hidden = words ? h('span', { class: 'unseen' }, ` ${words}`) : null;
  const open = index <= node.commit ? '' : 'lens-open';
  return h('td', { class: `lens-cell run ${termClass(term)} ${open} ${mark}` }, h('span', null, term), hidden);
}

function row(page, title, columns, cellAt) {
  return h('tr', null, h('th', { scope: 'row' }, title), columns.map(cellAt));
}

function headRow(page, columns) {
  const heads = [page.t('lens.row.index'), ...columns];
  return h('tr', null, heads.map((head) => h('th', { scope: 'col' }, head)));
}

function marksRow(page, columns, marks) {
  return row(page, page.t('lens.row.marks'), columns, (index) => {
    const probe = marks.probe === index && h('span', null, page.t('lens.mark.probe'));
    const fork = marks.fork === index && h('span', { class: 'lens-fork' }, page.t('lens.mark.fork'));
    return h('td', { class: `lens-mark${fork ? ' lens-fork-edge' : ''}` }, probe, fork);
  });
}

// The outline as the rejection carried it: a cell for each run.
function outlineRow(page, columns, outline) {
  const cells = [];
  for (let k = 0; k < columns.length; ) {
    const run = outline.find(({ first, last }) => first <= columns[k] && columns[k] <= last);
    const width = run ? Math.min(run.last - columns[k] + 1, columns.length - k) : 1;
    const looks = { class: run ? `lens-run run ${termClass(run.term)}` : 'lens-mark', colspan: width };
    cells.push(h('td', looks, run && page.t('lens.run', run.term, run.first)));
    k += width;
  }
  return h('tr', null, h('th', { scope: 'row' }, page.t('lens.row.outline')), cells);
}

export function logs(page, repair, leader, before, now) {
  if (repair.unseen) before = now;
  const marks = marksOf(repair, page.position);
  const columns = columnsOf(leader, before, now);
  const isChanged = (index) => termAt(before, index) !== termAt(now, index);
  const isCut = (index) => isChanged(index) && index >= now.first && termAt(before, index) > 0;
  const isFilled = (index) => isChanged(index) && index >= before.first && termAt(now, index) > 0;
  const edge = (index) => (marks.fork === index ? 'lens-fork-edge' : '');
  const changed = (node, index, name, yes) =>
    cell(node, index, `${yes ? `lens-${name}` : ''} ${edge(index)}`, yes && page.t(`lens.mark.${name}`));
  const cellBefore = (index) => changed(before, index, 'cut', isCut(index));
  const cellNow = (index) => changed(now, index, 'filled', isFilled(index));
  return h(
    'table',
    { class: 'lens-logs' },
    h('caption', { class: 'unseen' }, page.t('lens.logs', repair.leader, repair.follower)),
    h('thead', null, headRow(page, columns)),
    h(
      'tbody',
      null,
      row(page, page.t('lens.row.leader', repair.leader), columns, (index) => cell(leader, index, edge(index))),
      marks.probe > 0 || marks.fork !== null ? marksRow(page, columns, marks) : null,
      repair.unseen ? null : row(page, page.t('lens.row.before', repair.follower), columns, cellBefore),
      marks.outline.length > 0 && !repair.textbook ? outlineRow(page, columns, marks.outline) : null,
      row(page, page.t('lens.row.now', repair.follower), columns, cellNow),
    ),
  );
}
