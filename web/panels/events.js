// events.js - what happened, in plain words, newest last. A click goes to that step.
//
// A long history is shown as a window of rows around the step that is shown.
import { h, keyed, put, say } from '../dom.js';
import { clock, duration } from './numbers.js';
import { listen, markRow, showCurrent } from './rows.js';
import { isMessage } from './sentences.js';

const ROWS_MAX = 200;
const AFTER_MAX = 40; // Of them, behind the step that is shown.

// Steps with their events, as rows: up to ROWS_MAX that pass, around the position.
export function windowOf(source, position, passes) {
  const rows = [];
  const take = (k, into) => source.events(k).forEach((event, n) => passes(event) && into({ step: k, n, event }));
  for (let k = position + 1; k < source.length && rows.length < AFTER_MAX; k++) take(k, (row) => rows.push(row));
  for (let k = position; k >= source.first && rows.length < ROWS_MAX; k--) {
    const step = [];
    take(k, (row) => step.push(row));
    rows.unshift(...step);
  }
  return rows;
}

const FILTERS = { all: () => true, quiet: (event) => !isMessage(event) };

export function create(element, page) {
  const select = h('select', { onchange: () => update() });
  const label = h('span', null);
  const list = h('ol', { class: 'events-list' });
  listen(list);
  element.append(h('label', { class: 'events-filter' }, label, ' ', select), list);
  let language = null;

  function writeChoices() {
    if (language === page.language) return;
    language = page.language;
    const chosen = select.value || 'quiet';
    put(select, Object.keys(FILTERS).map((name) => h('option', { value: name }, page.t(`events.filter.${name}`))));
    select.value = chosen;
    say(label, page.t('events.filter'));
    list.setAttribute('aria-label', page.t('events.list'));
  }

  function makeRow({ step }) {
    const button = h('button', { type: 'button', onclick: () => page.go(step) });
    return h('li', null, button);
  }

  function fillRow(row, { step, event }, current) {
    const words = page.tell(event);
    const state = `${page.language} ${page.view.live} ${event.time_us} ${words}`;
    row.className = `events-row events-is-${event.event}${step > page.position ? ' events-later' : ''}`;
    markRow(row, step === current);
    if (row.shown === state) return;
    row.shown = state;
    put(row.firstChild, h('time', null, when(event)), ' ', h('span', null, words));
  }

  // A playground's time begins with it; a node's own clock says nothing to people, so there the wall clock is shown.
  function when(event) {
    if (event.wall_us) return clock(page, event.wall_us);
    return duration(page, event.time_us ?? 0);
  }

  function update() {
    writeChoices();
    const rows = windowOf(page.source, page.position, FILTERS[select.value]);
    const current = rows.findLast(({ step }) => step <= page.position)?.step;
    const key = ({ step, n, event }) => `${step} ${n} ${event.event}`;
    keyed(list, rows, key, makeRow, (row, item) => fillRow(row, item, current));
    showCurrent(list);
  }

  return { update };
}
