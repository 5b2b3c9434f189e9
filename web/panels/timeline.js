// timeline.js - the whole story as a strip, the place in it that is shown, and the buttons that move it.
//
// A step takes the same room as any other, however long it took; behind the steps stands the term they happened in.
import { h, put, say, set, svg } from '../dom.js';
import { icon } from '../icons.js';
import { SPEEDS } from '../player.js';
import { MARKS, UNITS, neighbour } from '../steps.js';
import { line as lineOf } from '../story.js';
import { History, newsOf } from './history.js';
import { clock } from './numbers.js';
import { termClass } from './terms.js';

const HEIGHT = 40;
const MIDDLE = 20;
const LABEL_MIN = 46;
const CLOCK_WIDTH = 90;

// Marks as paths around their place.
const SHAPES = {
  leader: (x) => `M${x} ${MIDDLE - 9}l6 11h-12Z`,
  candidate: (x) => `M${x} ${MIDDLE - 4}l3.5 6h-7Z`,
  crash: (x) => `M${x - 5} ${MIDDLE - 5}l10 10m0 -10l-10 10`,
  restart: (x) => `M${x - 4} ${MIDDLE}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0`,
  conflict: (x) => `M${x} ${MIDDLE - 7}l6 7l-6 7l-6 -7Z`,
  commit: (x) => `M${x} ${HEIGHT - 10}v6`,
  link: (x) => `M${x - 4} ${MIDDLE + 4}l3 -4m2 0l3 -4`,
  broken: (x) => `M${x} 2v${HEIGHT - 4}`,
};

// A node that does not answer may have crashed, or not.
const LIVE_WORDS = { crash: 'mark.silent', restart: 'mark.back' };

export function create(element, page) {
  const parts = build(page, { scrub, key, move });
  element.append(...parts.all);
  const known = new History();
  const state = { width: 800, language: null, drawn: '', legend: '' };
  new ResizeObserver(([{ contentRect }]) => {
    state.width = contentRect.width;
    if (page.view) update();
  }).observe(parts.slider);

  function update() {
    if (state.language !== page.language) relabel();
    known.catchUp(page);
    drawLegend();
    drawStrip();
    drawPosition();
    drawButtons();
  }

  function relabel() {
    state.language = page.language;
    state.drawn = state.legend = '';
    set(parts.slider, { 'aria-label': page.t('timeline.slider') });
    for (const [name, button] of Object.entries(parts.buttons))
      set(button, { 'aria-label': page.t(`timeline.${name}`), title: page.t(`timeline.${name}.title`) });
    put(
      parts.unit,
      UNITS.map((unit) => h('option', { value: unit, selected: unit === page.unit }, page.t(`unit.${unit}`))),
    );
    set(parts.unit, { 'aria-label': page.t('timeline.unit') });
    put(
      parts.speed,
      SPEEDS.map((speed) =>
        h(
          'option',
          { value: String(speed), selected: speed === page.player.speed },
          page.t('timeline.speed-of', speed),
        ),
      ),
    );
    set(parts.speed, { 'aria-label': page.t('timeline.speed') });
  }

  // A mark that is rare is explained once it is there; commits are none of a node's events.
  function drawLegend() {
    const isLive = page.source.kind === 'live';
    const hidden = { broken: known.marked('broken').length === 0, commit: isLive };
    const marks = MARKS.filter((mark) => !hidden[mark]);
    if (state.legend === marks.join()) return;
    state.legend = marks.join();
    put(
      parts.legend,
      marks.map((mark) =>
        h(
          'span',
          {},
          svg(
            'svg',
            { viewBox: `-10 ${MIDDLE - 10} 20 ${HEIGHT - MIDDLE + 8}`, class: 'key', 'aria-hidden': 'true' },
            svg('path', { class: `tick ${mark}`, d: SHAPES[mark](0) }),
          ),
          page.t(isLive && mark in LIVE_WORDS ? LIVE_WORDS[mark] : `mark.${mark}`),
        ),
      ),
    );
  }

  function xOf(step) {
    const { first, last } = bounds();
    return last === first ? 6 : 6 + ((step - first) * (state.width - 12)) / (last - first);
  }

  function bounds() {
    return { first: page.source.first ?? 0, last: page.last };
  }

  function drawStrip() {
    const { first, last } = bounds();
    const signature = `${page.epoch} ${first} ${last} ${state.width}`;
    if (signature === state.drawn) return;
    state.drawn = signature;
    set(parts.strip, { viewBox: `0 0 ${state.width} ${HEIGHT}`, width: state.width });
    const runs = known.terms
      .map(({ step, term }, k, all) => [Math.max(first, step), all[k + 1]?.step ?? last, term])
      .filter(([begin, end]) => end > begin);
    put(
      parts.terms,
      runs.map(([begin, end, term]) => {
        const width = Math.max(0, xOf(end) - xOf(begin));
        return [
          svg('rect', { class: termClass(term), x: xOf(begin), y: 2, width, height: HEIGHT - 4 }),
          width > 44 ? svg('text', { x: xOf(begin) + 4, y: 12 }, page.t('timeline.term', term)) : null,
        ];
      }),
    );
    for (const mark of MARKS)
      set(parts.marks[mark], {
        d: thin(known.marked(mark), first, xOf)
          .map(SHAPES[mark])
          .join(''),
      });
    put(
      parts.labels,
      (page.source.kind === 'live' ? clockLabels() : spaced(known.labels, xOf, state.width)).map(([label, x]) =>
        svg('text', { x, y: HEIGHT + 11 }, label),
      ),
    );
  }

  // The time of day at steps that are about evenly spaced.
  function clockLabels() {
    const { first, last } = bounds();
    const count = Math.max(1, Math.min(last - first, Math.floor(state.width / CLOCK_WIDTH)));
    const labels = Array.from({ length: count }, (_, k) => {
      const step = first + Math.round((k * (last - first)) / count);
      return [clock(page, page.source.view(step).wall_us), xOf(step)];
    });
    return labels.filter(([time], k) => time !== labels[k - 1]?.[0]);
  }

  function drawPosition() {
    const x = xOf(page.position);
    set(parts.hand, { x1: x, x2: x });
    set(parts.knob, { cx: x });
    const { first, last } = bounds();
    const words = positionOf(page);
    set(parts.slider, {
      'aria-valuemin': first,
      'aria-valuemax': last,
      'aria-valuenow': page.position,
      'aria-valuetext': `${words}. ${sentenceOf(page)}`,
    });
    say(parts.where, words);
    say(parts.narration, narrationOf(page, known.says));
    say(parts.what, sentenceOf(page));
    say(parts.line, lineOfStep());
    say(parts.haste, page.player.hastens ? page.t('timeline.hastens') : '');
    const isPast = page.source.kind === 'playground' && page.position < last && !page.playing;
    say(
      parts.hint,
      isPast
        ? page.t(page.position === 0 ? 'timeline.press' : 'timeline.forks')
        : '',
    );
  }

  // The text's line, unless it is what the story says, which is shown anyway.
  function lineOfStep() {
    if (page.source.kind !== 'playground') return '';
    const words = lineOf(page.source.text, page.source.lineOf(page.position));
    return /^(say|title)\s/.test(words) ? '' : words;
  }

  function drawButtons() {
    const { buttons } = parts;
    const { first, last } = bounds();
    const isLive = page.source.kind === 'live';
    set(buttons.lineBack, { disabled: page.position <= first, hidden: isLive });
    set(buttons.back, { disabled: page.position <= first });
    set(buttons.forward, { disabled: page.position >= last });
    set(buttons.lineForward, { disabled: page.position >= last, hidden: isLive });
    const goesOn = isLive ? page.following : page.playing;
    if (parts.goesOn !== goesOn || parts.playLanguage !== page.language) {
      parts.goesOn = goesOn;
      parts.playLanguage = page.language;
      put(
        buttons.play,
        icon(goesOn ? 'pause' : 'play'),
        h('span', {}, page.t(goesOn ? 'timeline.pause' : isLive ? 'timeline.follow' : 'timeline.play')),
      );
    }
    set(buttons.play, { 'aria-label': null, disabled: page.source.connected === false });
    set(parts.unit, { hidden: isLive });
    set(parts.speed, { hidden: isLive });
  }

  // ---- moving

  function move(way, unit) {
    page.player.stop();
    page.go(neighbour(page.source, page.position, unit, way));
  }

  function scrub(event) {
    const { first, last } = bounds();
    const { left, width } = parts.slider.getBoundingClientRect();
    const part = (event.clientX - left - 6) / Math.max(1, width - 12);
    page.player.stop();
    page.go(Math.round(first + Math.max(0, Math.min(1, part)) * (last - first)));
  }

  function key(event) {
    const { first, last } = bounds();
    const moves = {
      ArrowLeft: () => move(-1, page.unit),
      ArrowDown: () => move(-1, page.unit),
      ArrowRight: () => move(1, page.unit),
      ArrowUp: () => move(1, page.unit),
      PageUp: () => move(-1, 'line'),
      PageDown: () => move(1, 'line'),
      Home: () => page.go(first),
      End: () => page.go(last),
    };
    if (event.shiftKey || !moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  }

  return { update, frame: drawPosition };
}

// ---- places

// Their places, at most one for each two pixels.
function thin(steps, first, xOf) {
  const places = new Set();
  for (const step of steps) if (step >= first) places.add(Math.round(xOf(step) / 2) * 2);
  return [...places];
}

function spaced(labels, xOf, width) {
  let free = 0;
  return labels.flatMap(({ name, step }) => {
    const x = xOf(step);
    if (x < free || x > width - 20) return [];
    free = x + Math.max(LABEL_MIN, name.length * 7 + 8);
    return [[name, x]];
  });
}

// ---- words

export function seconds(us, digits = 3) {
  return (us / 1e6).toFixed(digits);
}

function positionOf(page) {
  const { source } = page;
  if (source.kind === 'live') {
    if (!source.connected) return page.t('timeline.lost', clock(page, source.view(page.last).wall_us));
    const age = source.view(page.last).time_us - page.view.time_us;
    return page.following ? page.t('timeline.live') : page.t('timeline.live-past', seconds(age, 1));
  }
  return page.t('timeline.where', page.position, page.last, seconds(page.now));
}

// What the story says of where one is: its last words so far; at the beginning, what it is about.
function narrationOf(page, says) {
  const words = says.findLast(({ step }) => step <= page.position)?.text;
  if (!words) return words ?? page.opening;
  return page.hasOtherRules ? page.t('timeline.other-rules', page.said(words)) : page.said(words);
}

// What happened last, but for what the story's text says itself.
const UNTOLD = new Set(['say', 'line', 'held']);

export function sentenceOf(page) {
  const { source } = page;
  if (source.kind === 'live') {
    const told = newsOf(source, page.position).map((event) => page.tell(event));
    return told.join(page.t('timeline.and-then'));
  }
  for (let step = page.position; step >= source.first; step--) {
    const event = source.events(step).at(-1);
    if (event && !UNTOLD.has(event.event)) return page.tell(event);
  }
  return page.t('timeline.beginning');
}

// ---- elements

function build(page, { scrub, key, move }) {
  const terms = svg('g', { class: 'terms' });
  const marks = Object.fromEntries([...MARKS].reverse().map((mark) => [mark, svg('path', { class: `tick ${mark}` })]));
  const labels = svg('g', { class: 'labels' });
  const hand = svg('line', { class: 'hand', y1: 0, y2: HEIGHT });
  const knob = svg('circle', { class: 'knob', cy: HEIGHT, r: 5 });
  const strip = svg('svg', { class: 'strip', height: HEIGHT + 16 }, terms, Object.values(marks), labels, hand, knob);
  const slider = h(
    'div',
    {
      class: 'slider',
      role: 'slider',
      tabindex: '0',
      onkeydown: key,
      onpointerdown: (event) => {
        slider.setPointerCapture(event.pointerId);
        scrub(event);
      },
      onpointermove: (event) => event.buttons && slider.hasPointerCapture(event.pointerId) && scrub(event),
    },
    strip,
  );
  const button = (name, action) =>
    h(
      'button',
      { type: 'button', class: `transport ${name}`, onclick: action },
      icon(
        name === 'play' ? 'play' : { lineBack: 'first', back: 'back', forward: 'forward', lineForward: 'last' }[name],
      ),
    );
  const buttons = {
    lineBack: button('lineBack', () => move(-1, 'line')),
    back: button('back', () => move(-1, page.unit)),
    play: button('play', () => page.play()),
    forward: button('forward', () => move(1, page.unit)),
    lineForward: button('lineForward', () => move(1, 'line')),
  };
  const unit = h('select', { onchange: () => (page.unit = unit.value) });
  const speed = h('select', { onchange: () => (page.player.speed = Number(speed.value)) });
  const narration = h('p', { class: 'narration' });
  const what = h('p', { class: 'what' });
  const where = h('span', { class: 'where' });
  const line = h('code', { class: 'line' });
  const hint = h('span', { class: 'hint' });
  const haste = h('span', { class: 'haste' });
  const legend = h('div', { class: 'legend' });
  const all = [
    h('div', { class: 'telling' }, narration, what, h('p', { class: 'position' }, where, haste, line, hint)),
    slider,
    h('div', { class: 'transports' }, Object.values(buttons), h('span', { class: 'choices' }, unit, speed), legend),
  ];
  return {
    all,
    terms,
    marks,
    labels,
    hand,
    knob,
    strip,
    slider,
    buttons,
    unit,
    speed,
    narration,
    what,
    where,
    line,
    hint,
    haste,
    legend,
  };
}
