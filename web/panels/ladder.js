// ladder.js - the ways to repair the same two logs, side by side: what each cost, and its messages as a ladder between
// leader and follower. The core played each of them; here they are drawn, and the one is marked that was taken.
import { h, svg } from '../dom.js';

const WIDTH = 215;
const LEFT = 18;
const RIGHT = WIDTH - 18;
const STEP = 22;
const HEAD = 18;
const MESSAGES_MAX = 14; // More are folded in the middle.

// Of one there is another word.
const counted = (key, count) => (count === 1 ? `${key}.one` : key);

const isReply = (message) => message.type.endsWith('-reply');

// What a rejection tells the leader depends on what it makes of it: nothing more, one term, or the whole outline.
function rejection(page, way, { outline }) {
  const [term, first] = outline.at(-1) ?? [];
  if (way === 'one' || term === undefined) return page.t('lens.ladder.no');
  if (way === 'term') return page.t('lens.ladder.term', term, first);
  return page.t(counted('lens.ladder.outline', outline.length), outline.length);
}

function label(page, way, message) {
  if (isReply(message) && message.rejected) return rejection(page, way, message);
  if (isReply(message)) return page.t('lens.ladder.holds', message.last);
  if (message.last > message.prev) {
    const first = message.prev + 1;
    const key = first === message.last ? 'lens.ladder.entry' : 'lens.ladder.entries';
    return page.t(key, message.prev, first, message.last);
  }
  return page.t('lens.ladder.probe', message.prev);
}

function rung(page, way, message, y) {
  const reply = isReply(message);
  const [from, to] = reply ? [RIGHT, LEFT] : [LEFT, RIGHT];
  const tip = reply ? 5 : -5;
  const kind = reply && message.rejected ? 'no' : reply ? 'yes' : 'ask';
  return [
    svg('path', { class: `ladder-rung ladder-${kind}`, d: `M${from} ${y}H${to}m${tip} -3l${-tip} 3l${tip} 3` }),
    svg('text', { class: 'ladder-label', x: WIDTH / 2, y: y - 4 }, label(page, way, message)),
  ];
}

// The messages to draw; null stands for those left out.
export function folded(messages) {
  if (messages.length <= MESSAGES_MAX) return messages;
  const half = MESSAGES_MAX / 2;
  return [...messages.slice(0, half), null, ...messages.slice(-half)];
}

function ladder(page, repair, { way, messages }) {
  const shown = folded(messages);
  const height = HEAD + shown.length * STEP + 6;
  const left = messages.length - shown.length + 1;
  const title = page.t('lens.ladder', repair.leader, repair.follower, messages.length);
  return svg(
    'svg',
    { class: 'ladder', viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': title },
    svg('text', { class: 'ladder-name', x: LEFT, y: 11 }, repair.leader),
    svg('text', { class: 'ladder-name', x: RIGHT, y: 11 }, repair.follower),
    svg('path', { class: 'ladder-pole', d: `M${LEFT} ${HEAD - 2}V${height}M${RIGHT} ${HEAD - 2}V${height}` }),
    shown.map((message, k) => {
      const y = HEAD + (k + 1) * STEP - 4;
      if (message) return rung(page, way, message, y);
      return svg('text', { class: 'ladder-label', x: WIDTH / 2, y: y - 3 }, page.t('lens.ladder.more', left));
    }),
  );
}

function card(page, repair, result, most) {
  const count = (name) => {
    const words = page.t(counted(`lens.compare.${name}`, result[name]));
    return h('div', null, h('dt', null, words), h('dd', null, result[name]));
  };
  const way = `lens.way.${result.way}`;
  const isHere = result.way === repair.way;
  return h(
    'li',
    { class: `lens-card${isHere ? ' lens-card-here' : ''}` },
    h('h4', null, page.t(way), isHere && h('small', { class: 'lens-here' }, ' ', page.t('lens.compare.here'))),
    h('p', { class: 'panel-note' }, page.t(`${way}.means`, repair.leader, repair.follower)),
    h('progress', { max: Math.max(most, 1), value: result.round_trips, 'aria-hidden': 'true' }),
    h('dl', { class: 'lens-counts' }, ['round_trips', 'rejections', 'entries'].map(count)),
    ladder(page, repair, result),
  );
}

// `results`: what the core told, null while it plays, or {error}.
export function comparison(page, repair, results) {
  const title = h('h3', null, page.t('lens.compare'));
  const quiet = (...words) => [title, h('p', { class: 'panel-quiet' }, page.t(...words))];
  if (results === null) return quiet('lens.compare.wait');
  if (results.error) return quiet('lens.compare.failed', results.error.message);
  const most = Math.max(...results.map(({ round_trips: trips }) => trips));
  return [
    title,
    h('p', { class: 'panel-note' }, page.t('lens.compare.means')),
    h('ul', { class: 'lens-cards' }, results.map((result) => card(page, repair, result, most))),
  ];
}
