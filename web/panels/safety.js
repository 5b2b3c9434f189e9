// safety.js - the five properties of the paper's Figure 3: each holds, or its counterexample.
import { h, keyed, put, say } from '../dom.js';
import { judged, PROPERTIES, Watch } from './properties.js';

function makeRow() {
  return h('li', { class: 'safety-row' });
}

// {name, title, meaning, texts}
function fillRow(page, row, item) {
  const state = JSON.stringify([page.language, item]);
  if (row.shown === state) return;
  row.shown = state;
  const broken = item.texts.length > 0;
  row.className = `safety-row ${broken ? 'safety-broken' : 'safety-holds'}`;
  put(
    row,
    h('span', { class: 'safety-mark', 'aria-hidden': 'true' }, broken ? '✗' : '✓'),
    h(
      'div',
      null,
      h('b', null, item.title),
      ' ',
      h('span', { class: 'safety-word' }, page.t(broken ? 'safety.broken' : 'safety.holds')),
      h('p', null, item.meaning),
      item.texts.map((text) => h('p', { class: 'safety-example' }, text)),
    ),
  );
}

function five(page, textsOf) {
  return PROPERTIES.map(({ name }) => ({
    name,
    title: page.t(`safety.${name}`),
    meaning: page.t(`safety.${name}.means`),
    texts: textsOf(name),
  }));
}

function playedRows(page) {
  const found = judged(page.view.broken);
  const texts = Object.fromEntries(found.five.map(({ name, texts }) => [name, texts]));
  const others = found.others.map(({ rule, texts }) => {
    const meaning = page.t(`safety.${rule}`);
    return { name: rule, title: rule, meaning: meaning === `safety.${rule}` ? '' : meaning, texts };
  });
  return [...five(page, (name) => texts[name]), ...others];
}

function liveRows(page, watch) {
  return five(page, (name) => watch.found[name].map(({ key, values }) => page.t(`safety.found.${key}`, ...values)));
}

export function create(element, page) {
  const note = h('p', { class: 'panel-note' });
  const list = h('ul', { class: 'safety-list' });
  element.append(note, list);
  let watched = null;
  let watch = null;
  let seen = 0;

  // Every view there is, once and in order, whatever step the reader looks at.
  function watchSource() {
    const { source } = page;
    if (watched !== source) {
      watched = source;
      watch = new Watch();
      seen = source.first;
    }
    for (seen = Math.max(seen, source.first); seen < source.length; seen++) watch.see(source.view(seen));
  }

  function update() {
    const live = page.source.kind === 'live';
    if (live) watchSource();
    say(note, live ? page.t('safety.about-live', watch.views) : page.t('safety.about'));
    const rows = live ? liveRows(page, watch) : playedRows(page);
    keyed(list, rows, (row) => row.name, makeRow, (row, item) => fillRow(page, row, item));
  }

  return { update };
}
