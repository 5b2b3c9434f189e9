// matrix.js - all logs beside each other, as Figure 7 of the Raft paper draws them: a row for each node, the leader on
// top, a column for each index.
//
// A cell's colour and digit are the entry's term. Solid: committed. Hatched: not (yet). Dashed: missing. Above a row's
// cells a line shows how far the node knows the log to be committed; below a follower's, a bar shows how far its leader
// knows that they agree (matchIndex), an arrow what it sends next (nextIndex). The same is there as a table.
import { h, keyed, place, put, say, set, svg } from '../dom.js';
import { leaderOf } from './logs.js';
import { roleOf, shapeOf } from './ring.js';
import { termClass } from './terms.js';

const WIDE = { label: 112, fold: 40 };
const NARROW = { label: 76, fold: 22 }; // On a telephone.
const NARROW_MAX = 420;
const ROLE_MAX = 14; // Letters that a role and a term have room for.
// From one column to the next, and how many letters of an entry's words there is room for.
const PLAIN = { step: 32, letters: 0 };
const WORDY = [
  { step: 68, letters: 6 },
  { step: 104, letters: 11 },
];
const GAP = 4; // Between cells.
const DIGIT = 7; // Of an index above them.
const CELL = 28; // How high a cell is, and, without words, how wide.
const HEAD = 34;
// How high a row is, and where in it its cells begin.
const AIRY = { row: 50, top: 12 };
const DENSE = { row: 45, top: 9 };
const AIRY_MAX = 5; // Rows.
const FOOT = 4; // For what stands out of the last row.
const COLUMNS_MIN = 4;

export function create(element, page) {
  const parts = build(page, { shift, jump, follow, twin });
  element.append(...parts.all);
  const state = { width: 600, start: 1, follow: true, table: false, language: null };
  new ResizeObserver(([{ contentRect }]) => resize(contentRect.width)).observe(parts.frame);

  function resize(width) {
    if (Math.abs(width - state.width) < 1 || width === 0) return;
    state.width = width;
    update();
  }

  function update() {
    if (!page.view) return;
    if (state.language !== page.language) relabel();
    const picture = pictureOf(page.view, state);
    state.start = picture.start;
    drawHead(parts, picture, page);
    keyed(
      parts.rows,
      picture.rows,
      (row) => row.node.name,
      () => makeRow(page),
      (group, row) => drawRow(group, row, picture, page),
    );
    drawTable(parts.table, picture, page);
    drawScroll(parts, picture, state);
  }

  function relabel() {
    state.language = page.language;
    say(parts.title, page.t('matrix.title'));
    set(parts.table, { 'aria-label': page.t('matrix.title') });
    say(parts.followWords, page.t('matrix.follow'));
    set(parts.scroll, { 'aria-label': page.t('matrix.scroll') });
    say(parts.twinButton, page.t(state.table ? 'matrix.as-picture' : 'matrix.as-table'));
    put(parts.legend, state.table ? page.t('table.marks') : legendOf(page));
  }

  function shift(columns) {
    jump(state.start + columns);
  }

  function jump(start) {
    state.start = start;
    state.follow = false;
    update();
  }

  function follow(wanted) {
    state.follow = wanted;
    update();
  }

  function twin() {
    state.table = !state.table;
    set(parts.twinButton, { 'aria-pressed': String(state.table) });
    parts.frame.classList.toggle('as-table', state.table);
    set(parts.table, { tabindex: state.table ? '0' : null }); // To be scrolled by keyboard.
    relabel();
  }

  return { update };
}

// ---- what is to be seen

// The columns that fit, of all that there are: [start, end). With `follow` the newest ones.
export function windowOf({ last, visible, start, follow }) {
  const latest = Math.max(1, last - visible + 1);
  const begin = follow ? latest : Math.max(1, Math.min(start, latest));
  return { start: begin, end: Math.min(last, begin + visible - 1) + 1, latest };
}

// Rows and columns of a view. One column more than the longest log has is for the arrow of what comes next.
export function pictureOf(view, { width, start, follow }) {
  const last = lastOf(view) + 1;
  const { label, fold } = width < NARROW_MAX ? NARROW : WIDE;
  const { step, letters } = columnsFor(view, last, width - label - 4);
  const room = Math.floor((width - label - 4) / step);
  const fits = last <= room;
  const visible = fits ? room : Math.max(COLUMNS_MIN, Math.floor((width - label - fold - 4) / step));
  const range = windowOf({ last, visible, start, follow });
  const leader = leaderOf(view);
  const peers = new Map(leader?.peers.map((peer) => [peer.name, peer]));
  const nodes = leader ? [leader, ...view.nodes.filter((node) => node !== leader)] : view.nodes;
  const truth = committedTerms(view);
  return {
    ...range,
    last,
    visible,
    label,
    fold: fits ? 0 : fold,
    step,
    letters,
    ...(nodes.length > AIRY_MAX ? DENSE : AIRY),
    committed: view.committed,
    rows: nodes.map((node) => ({
      node,
      peer: peers.get(node.name),
      leads: node === leader,
      cells: cellsOf(node, range, last - 1, truth),
    })),
  };
}

// The last column. Where there is more than is seen, nodes are asked one after the other while their logs grow: what
// only some had by then is not missing in the others, so the logs are shown as far as all were seen.
function lastOf(view) {
  const seen = view.nodes.filter((node) => node.up).map((node) => node.last);
  if (view.sampled && seen.length > 0) return Math.max(1, Math.min(...seen));
  return Math.max(1, ...view.nodes.map((node) => node.last));
}

// As much of the entries' words as there is, if all columns have room for it.
function columnsFor(view, last, room) {
  const longest = Math.max(0, ...view.nodes.flatMap((node) => node.log.map(([, , text]) => text.length)));
  const wordy = longest > 0 ? WORDY.filter(({ step }) => last * step <= room) : [];
  return wordy.find(({ letters }) => letters >= longest) ?? wordy.at(-1) ?? PLAIN;
}

// index -> term, of what is committed: from the node that knows most of it.
export function committedTerms(view) {
  const knows = view.nodes.reduce((best, node) => (node.commit > (best?.commit ?? 0) ? node : best), null);
  const terms = new Map();
  knows?.log.forEach(([term], k) => {
    if (knows.first + k <= view.committed) terms.set(knows.first + k, term);
  });
  return terms;
}

function cellsOf(node, { start, end }, longest, truth) {
  const cells = [];
  for (let index = start; index < end && index <= longest; index++) {
    const entry = node.log[index - node.first];
    if (entry)
      cells.push({
        index,
        term: entry[0],
        kind: entry[1],
        text: entry[2],
        state: stateOf(node, index, entry[0], truth),
        durable: index <= node.durable,
      });
    else if (index > node.last) cells.push({ index, term: 0, kind: '', text: '', state: 'missing', durable: true });
    else
      cells.push({
        index,
        term: 0,
        kind: '',
        text: '',
        state: index <= node.commit ? 'folded' : 'unseen',
        durable: true,
      });
  }
  return cells;
}

function stateOf(node, index, term, truth) {
  return index <= node.commit || truth.get(index) === term ? 'committed' : 'uncommitted';
}

// ---- the picture

function build(page, { shift, jump, follow, twin }) {
  const title = h('h2', {});
  const twinButton = h('button', { type: 'button', class: 'quiet', 'aria-pressed': 'false', onclick: twin });
  const head = svg('g', { class: 'head' });
  const rows = svg('g', { class: 'rows' });
  const line = svg('g', { class: 'commit-line' }, svg('line', {}), svg('text', {}));
  const picture = svg('svg', { class: 'matrix', 'aria-hidden': 'true' }, head, rows, line);
  const table = h('div', { class: 'twin', role: 'region' });
  const frame = h('div', { class: 'matrix-frame', onwheel: (event) => wheel(event, shift) }, picture, table);
  const scroll = h('input', { type: 'range', min: '1', oninput: () => jump(Number(scroll.value)) });
  const followBox = h('input', { type: 'checkbox', checked: true, onchange: () => follow(followBox.checked) });
  const followWords = h('span', {});
  const scrolling = h('div', { class: 'matrix-scroll' }, scroll, h('label', {}, followBox, followWords));
  const legend = h('div', { class: 'legend' });
  drag(picture, shift);
  return {
    all: [h('header', {}, title, twinButton), frame, scrolling, legend],
    title,
    twinButton,
    head,
    rows,
    line,
    picture,
    table,
    frame,
    scroll,
    followBox,
    followWords,
    scrolling,
    legend,
  };
}

function wheel(event, shift) {
  const by = event.deltaX || (event.shiftKey ? event.deltaY : 0);
  if (!by) return;
  event.preventDefault();
  shift(Math.sign(by));
}

function drag(picture, shift) {
  let from = null;
  picture.addEventListener('pointerdown', (event) => (from = event.clientX));
  picture.addEventListener('pointermove', (event) => {
    if (from === null || event.buttons === 0 || Math.abs(event.clientX - from) < PLAIN.step) return;
    shift(Math.sign(from - event.clientX));
    from = event.clientX;
  });
  picture.addEventListener('pointerup', () => (from = null));
}

function xOf(index, { start, label, fold, step }) {
  return label + fold + (index - start) * step;
}

function drawHead({ head, line, picture }, shown, page) {
  const width = xOf(Math.max(shown.end, shown.start + shown.visible), shown) + 4;
  const height = HEAD + shown.rows.length * shown.row + FOOT;
  set(picture, { viewBox: `0 0 ${width} ${height}`, width, height });
  const columns = Array.from({ length: shown.end - shown.start }, (_, k) => shown.start + k);
  // Long numbers need more than a column.
  const every = Math.ceil((String(shown.end).length * DIGIT + GAP) / shown.step);
  keyed(
    head,
    columns,
    (index) => index,
    (index) => say(svg('text', {}), String(index)),
    (text, index) =>
      set(text, {
        x: xOf(index, shown) + (shown.step - GAP) / 2,
        y: 26,
        class: index > shown.last - 1 ? 'beyond' : '',
        visibility: index % every === 0 ? 'visible' : 'hidden',
      }),
  );
  const at = Math.max(shown.start - 1, Math.min(shown.committed, shown.end - 1));
  const x = xOf(at + 1, shown) - GAP / 2;
  set(line, { visibility: shown.committed >= shown.start - 1 && shown.committed < shown.end ? 'visible' : 'hidden' });
  set(line.firstChild, { x1: x, x2: x, y1: 3, y2: height });
  const isLeft = x > width - 90;
  set(line.lastChild, { x: isLeft ? x - 5 : x + 5, y: 11, 'text-anchor': isLeft ? 'end' : 'start' });
  say(line.lastChild, page.t('matrix.committed', shown.committed));
}

function makeRow(page) {
  const group = svg('g', {});
  const parts = {
    back: svg('rect', { class: 'back', x: 0, y: 3, rx: 6 }),
    shape: svg('path', {}),
    name: svg('text', { class: 'name', x: 30 }),
    role: svg('text', { class: 'role', x: 30 }),
    fold: svg('text', { class: 'fold' }),
    cells: svg('g', { class: 'cells' }),
    knows: svg('path', { class: 'knows' }),
    match: svg('path', { class: 'match' }),
    next: svg('path', { class: 'next' }, svg('title', {})),
  };
  group.parts = parts;
  group.append(...Object.values(parts));
  group.addEventListener('click', () => page.select(group.name));
  return group;
}

function drawRow(group, { node, peer, leads, cells }, shown, page) {
  const at = shown.rows.findIndex((row) => row.node === node);
  const { parts } = group;
  const role = roleOf(node);
  const { top } = shown;
  group.name = node.name;
  set(group, {
    transform: `translate(0 ${HEAD + at * shown.row})`,
    class: `row role-${role}${leads ? ' leads' : ''}${node.name === page.selected ? ' selected' : ''}`,
  });
  set(parts.back, { width: xOf(shown.start + shown.visible, shown), height: shown.row - 6 });
  set(parts.shape, {
    d: shapeOf(role, 9),
    class: `shape ${termClass(node.term)}`,
    transform: `translate(14 ${top + CELL / 2})`,
  });
  set(parts.name, { y: top + 13 });
  set(parts.role, { y: top + 26 });
  const letters = shown.label > 90 ? 9 : 6;
  say(parts.name, node.name.length > letters ? `${node.name.slice(0, letters - 1)}…` : node.name);
  const roleWords = page.t(`role.${role}`);
  const both = page.t(shown.label > 90 ? 'matrix.role' : 'matrix.term', roleWords, node.term);
  say(parts.role, both.length > ROLE_MAX ? roleWords : both);
  set(parts.fold, { x: shown.label + 2, y: top + 18 });
  say(parts.fold, shown.start > 1 ? '⋯' : '');
  keyed(
    parts.cells,
    cells,
    (cell) => cell.index,
    makeCell,
    (cell, what) => drawCell(cell, what, shown, page),
  );
  set(parts.knows, { d: bar(shown, node.commit, top - 5) });
  set(parts.match, { d: peer ? bar(shown, peer.match, top + CELL + 4) : '' });
  const isInside = peer && peer.next >= shown.start && peer.next < shown.end;
  set(parts.next, { d: isInside ? arrow(xOf(peer.next, shown) + (shown.step - GAP) / 2, top) : '' });
  say(parts.next.firstChild, peer ? page.t('matrix.next', peer.next, peer.match, node.name) : '');
}

// From the first column to the end of an index's cell, with a stop.
function bar(shown, index, y) {
  if (index < shown.start) return '';
  const end = xOf(Math.min(index, shown.end - 1), shown) + shown.step - GAP;
  return `M${xOf(shown.start, shown)} ${y}H${end}${index < shown.end ? `m0 -3v6` : ''}`;
}

function arrow(x, top) {
  const y = top + CELL + 3;
  return `M${x} ${y}l5 8h-10Z`;
}

// Slanting lines across a cell.
function hatch(width) {
  let path = '';
  for (let sum = 10; sum < width + CELL - 3; sum += 9) {
    const [left, right] = [Math.max(1, sum - CELL + 1), Math.min(width - 1, sum - 1)];
    path += `M${left} ${sum - left}L${right} ${sum - right}`;
  }
  return path;
}

function makeCell() {
  const group = svg('g', {});
  group.parts = {
    title: svg('title', {}),
    box: svg('rect', { class: 'box', height: CELL, rx: 4 }),
    hatch: svg('path', { class: 'hatch' }),
    plate: svg('rect', { class: 'plate', y: 5, height: 18, rx: 3 }),
    digit: svg('text', { class: 'digit', y: 19 }),
    words: svg('text', { class: 'words', y: 18 }),
    dot: svg('circle', { class: 'undurable', cy: 5, r: 2.5 }),
  };
  group.append(...Object.values(group.parts));
  return group;
}

function drawCell(group, cell, shown, page) {
  const { parts } = group;
  set(group, {
    transform: `translate(${xOf(cell.index, shown)} ${shown.top})`,
    class: `cell ${cell.state} ${termClass(cell.term)}`,
  });
  const width = shown.step - GAP;
  const words = shown.letters > 0 ? cell.text : '';
  const digits = 6 + 8 * String(cell.term).length;
  const middle = words ? 4 + digits / 2 : width / 2;
  set(parts.box, { width });
  set(parts.hatch, { d: cell.state === 'uncommitted' ? hatch(width) : '' });
  set(parts.plate, {
    visibility: cell.state === 'uncommitted' ? 'visible' : 'hidden',
    width: words ? width - 8 : digits,
    x: words ? 4 : middle - digits / 2,
  });
  set(parts.dot, { visibility: cell.durable ? 'hidden' : 'visible', cx: width - 5 });
  set(parts.digit, { x: middle });
  set(parts.words, { x: digits + 6 });
  say(parts.words, words.length > shown.letters ? `${words.slice(0, shown.letters - 1)}…` : words);
  say(parts.digit, cell.term ? String(cell.term) : cell.state === 'folded' ? '·' : cell.state === 'unseen' ? '?' : '');
  say(parts.title, describe(cell, page));
}

export function describe(cell, page) {
  if (cell.state === 'missing') return page.t('cell.missing', cell.index);
  if (cell.term === 0) return page.t(`cell.${cell.state}`, cell.index);
  const words = [
    page.t('cell.entry', cell.index, cell.term),
    cell.text || page.t(`kind.${cell.kind}`),
    page.t(`cell.${cell.state}`),
  ];
  if (!cell.durable) words.push(page.t('cell.undurable'));
  return words.join(', ');
}

function drawScroll({ scroll, scrolling, followBox }, shown, state) {
  const fits = shown.fold === 0;
  set(scrolling, { hidden: fits });
  if (fits) return;
  scroll.max = String(shown.latest);
  scroll.value = String(shown.start);
  followBox.checked = state.follow;
  place(scroll, { '--done': `${shown.latest > 1 ? (100 * (shown.start - 1)) / (shown.latest - 1) : 100}%` });
}

function legendOf(page) {
  const cell = (state, term, words) => {
    const group = makeCell();
    drawCell(
      group,
      { index: 1, term, state, durable: true, kind: '', text: '' },
      { start: 1, label: 0, fold: 0, ...PLAIN, ...AIRY },
      page,
    );
    set(group, { transform: 'translate(0 0)' });
    group.parts.title.remove();
    return h(
      'span',
      {},
      svg('svg', { viewBox: '-1 -1 30 30', class: 'key matrix', 'aria-hidden': 'true' }, group),
      words,
    );
  };
  const mark = (name, d) =>
    h(
      'span',
      {},
      svg('svg', { viewBox: '0 0 28 28', class: 'key matrix', 'aria-hidden': 'true' }, svg('path', { class: name, d })),
      page.t(`legend.${name}`),
    );
  return [
    cell('committed', 3, page.t('cell.committed')),
    cell('uncommitted', 3, page.t('cell.uncommitted')),
    cell('missing', 0, page.t('legend.missing')),
    mark('knows', 'M2 14h22m0 -4v8'),
    mark('match', 'M2 14h22m0 -4v8'),
    mark('next', 'M14 8l7 11h-14Z'),
  ];
}

// ---- the table

function drawTable(frame, shown, page) {
  const signature = JSON.stringify([
    page.language,
    shown.start,
    shown.end,
    shown.committed,
    shown.rows.map(({ node, peer, cells }) => [
      node.name,
      node.role,
      node.up,
      node.paused,
      node.term,
      node.commit,
      peer?.match,
      peer?.next,
      cells,
    ]),
  ]);
  if (frame.signature === signature) return;
  frame.signature = signature;
  const columns = Array.from(
    { length: Math.max(0, Math.min(shown.end, shown.last) - shown.start) },
    (_, k) => shown.start + k,
  );
  const head = ['table.node', 'table.role', 'table.term', 'table.commit', 'table.match', 'table.next'].map((key) =>
    h('th', { scope: 'col' }, page.t(key)),
  );
  put(
    frame,
    h(
      'table',
      {},
      h('caption', {}, page.t('table.caption', shown.committed)),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          head,
          columns.map((index) => h('th', { scope: 'col' }, String(index))),
        ),
      ),
      h(
        'tbody',
        {},
        shown.rows.map((row) => tableRow(row, page)),
      ),
    ),
  );
}

function tableRow({ node, peer, cells }, page) {
  const facts = [page.t(`role.${roleOf(node)}`), node.term, node.commit, peer?.match ?? '–', peer?.next ?? '–'];
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, node.name),
    facts.map((fact) => h('td', {}, String(fact))),
    cells.map((cell) => tableCell(cell, page)),
  );
}

function tableCell(cell, page) {
  const mark = { committed: '✓', uncommitted: '◌', missing: '–', folded: '·', unseen: '?' }[cell.state];
  return h(
    'td',
    { class: `cell ${cell.state} ${termClass(cell.term)}`, title: cell.text || null },
    h('span', { 'aria-hidden': 'true' }, cell.term ? `${cell.term} ${mark}` : mark),
    cell.text ? h('small', { 'aria-hidden': 'true' }, cell.text) : null,
    h('span', { class: 'unseen' }, describe(cell, page)),
  );
}
