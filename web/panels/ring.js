// ring.js - the nodes on a circle, the links between them, and what flies over them.
//
// A node's shape is its role, its colour and digit are its term; the arc around it is what is left of its election
// timer, which is told in seconds, too, once half of it is gone. In the playground each message is there, where its
// times of sending and arrival put it; of a live cluster only a leader's counters are seen, so a mark says that
// something was sent, and the panel that this is a sample.
import { h, keyed, put, say, set, svg } from '../dom.js';
import { termClass } from './terms.js';

const WIDTH = 460;
const HEIGHT = 410;
const CENTRE = { x: WIDTH / 2, y: HEIGHT / 2 - 8 };
const FLIGHT_MS = 300;
const NEAR = 0.85; // So far on its way a message need not be seen to arrive.

export function create(element, page) {
  const title = h('h2', {});
  const note = h('span', { class: 'note' });
  const links = svg('g', { class: 'links' });
  const nodes = svg('g', { class: 'nodes' });
  const messages = svg('g', { class: 'messages' });
  const drawing = svg('svg', { class: 'ring', role: 'group' }, links, messages, nodes);
  const legend = h('div', { class: 'legend' });
  element.append(h('header', {}, title, note), drawing, legend);
  let language = null;
  let places = new Map();
  let groups = [];
  let drawn = null;
  const parts = new Map(); // Of each message, by its number: the part of its way that it was last drawn at.

  function update() {
    if (language !== page.language) relabel();
    const { view } = page;
    places = placesOf(view.nodes);
    groups = groupsOf(view);
    set(drawing, { viewBox: frameOf(places), class: view.cut.length > 0 ? 'ring damaged' : 'ring' });
    say(note, view.live ? page.t('ring.sampled') : groups.length > 1 ? page.t('ring.parted', wordsOf(groups)) : '');
    keyed(links, pairs(view.nodes), ([a, b]) => `${a.name} ${b.name}`, makeLink, updateLink);
    keyed(nodes, view.nodes, (node) => node.name, makeNode, updateNode);
    keyed(messages, view.flying, (message) => message.number, makeMessage, updateMessage);
    if (view !== drawn && page.before) view.live ? showSent() : showArrival();
    for (const number of parts.keys()) if (!messages.keyed.has(number)) parts.delete(number);
    drawn = view;
  }

  function relabel() {
    language = page.language;
    say(title, page.t('ring.title'));
    set(drawing, { 'aria-label': page.t('ring.describe') });
    put(legend, legendOf(page));
  }

  // ---- nodes

  function makeNode(node) {
    const group = svg('g', {
      class: 'node',
      tabindex: '0',
      role: 'button',
      onclick: () => page.select(node.name),
      onkeydown: (event) => isPress(event) && page.select(node.name),
    });
    group.parts = {
      title: svg('title'),
      track: svg('circle', { class: 'track' }),
      arc: svg('circle', { class: 'arc' }),
      shape: svg('path', {}),
      name: svg('text', { class: 'name', 'aria-hidden': 'true' }),
      term: svg('text', { class: 'digit', 'aria-hidden': 'true' }),
      role: svg('text', { class: 'role', 'aria-hidden': 'true' }),
      halo: svg('circle', { class: 'halo' }),
    };
    group.append(...Object.values(group.parts));
    return group;
  }

  function updateNode(group, node) {
    const at = places.get(node.name);
    const role = roleOf(node);
    const { parts } = group;
    const selected = node.name === page.selected;
    set(group, {
      transform: `translate(${at.x} ${at.y})`,
      class: `node role-${role} ${termClass(node.term)}${selected ? ' selected' : ''}`,
      'aria-pressed': String(selected),
    });
    say(parts.title, describeNode(node, role));
    set(parts.halo, { r: at.radius + 12 });
    set(parts.track, { r: at.radius + 6 });
    set(parts.shape, { d: shapeOf(role, at.radius), class: 'shape' });
    set(parts.name, { y: at.radius > 20 ? -2 : 4 });
    say(parts.name, short(node.name));
    set(parts.term, { y: at.radius > 20 ? 13 : 15 });
    say(parts.term, at.radius > 20 ? `t${node.term}` : '');
    set(parts.role, { y: at.radius + 25 });
    updateTimer(group, node);
  }

  function updateTimer({ parts: { arc, track, role } }, node) {
    const { radius } = places.get(node.name);
    const words = page.t(`role.${roleOf(node)}`);
    const has = node.up && !node.paused && node.election_us >= 0 && node.timeout_us > 0;
    set(arc, { visibility: has ? 'visible' : 'hidden' });
    set(track, { visibility: has ? 'visible' : 'hidden' });
    const us = Math.max(0, node.election_us - (page.now - page.view.time_us));
    const left = Math.min(1, us / node.timeout_us);
    const isLate = has && left < 0.5;
    say(role, isLate ? page.t('ring.timer', words, (us / 1e6).toFixed(2)) : words);
    if (!has) return;
    const whole = 2 * Math.PI * (radius + 6);
    set(arc, {
      r: radius + 6,
      class: isLate ? 'arc late' : 'arc',
      'stroke-dasharray': `${(left * whole).toFixed(1)} ${whole.toFixed(1)}`,
      transform: 'rotate(-90)',
    });
  }

  function describeNode(node, role) {
    const words = [node.name, page.t(`role.${role}`), page.t('ring.node', node.term, node.last, node.commit)];
    if (!node.voter) words.push(page.t('ring.learner'));
    if (node.disk === 'slow') words.push(page.t('ring.slow-disk'));
    return words.join(', ');
  }

  // ---- links

  function makeLink([a, b]) {
    const group = svg('g', { class: 'link', onclick: () => page.view.live || page.chooseLink(a.name, b.name) });
    group.parts = {
      hit: svg('line', { class: 'hit' }),
      line: svg('line', { class: 'line' }),
      cross: svg('path', { class: 'cross' }),
      title: svg('title'),
    };
    group.append(...Object.values(group.parts));
    return group;
  }

  function updateLink(group, [a, b]) {
    const [from, to] = [places.get(a.name), places.get(b.name)];
    const cuts = page.view.cut.filter(([x, y]) => (x === a.name && y === b.name) || (x === b.name && y === a.name));
    const chosen = page.link && page.link.includes(a.name) && page.link.includes(b.name);
    const ends = { x1: from.x, y1: from.y, x2: to.x, y2: to.y };
    const parts = !groups.some((names) => names.includes(a.name) && names.includes(b.name));
    set(group, {
      class: `link${cuts.length ? ' cut' : ''}${parts ? ' parts' : ''}${chosen ? ' chosen' : ''}${page.view.live ? ' inert' : ''}`,
      'aria-hidden': cuts.length > 0 ? null : 'true',
    });
    set(group.parts.line, ends);
    set(group.parts.hit, ends);
    say(
      group.parts.title,
      page.t(
        cuts.length === 0 ? 'ring.link' : cuts.length === 1 ? 'ring.link.one-way' : 'ring.link.cut',
        a.name,
        b.name,
        ...(cuts[0] ?? []),
      ),
    );
    set(group.parts.cross, {
      d: cuts.length && !parts ? crossOf(from, to, cuts.length === 1 && cuts[0][0] === b.name ? 0.42 : 0.5) : '',
    });
  }

  // ---- messages

  function makeMessage(message) {
    const group = svg('g', { onclick: () => page.chooseMessage(message.number) });
    group.parts = {
      hit: svg('circle', { r: 12, class: 'hit' }),
      mark: svg('path', { class: 'mark', d: markOf(message) }),
      title: svg('title'),
    };
    group.append(...Object.values(group.parts));
    return group;
  }

  function updateMessage(group, message) {
    const part = portion(message);
    parts.set(message.number, part);
    set(group, {
      class: `message ${message.type}${message.rejected ? ' rejected' : ''}${message.number === page.message ? ' chosen' : ''}`,
      transform: flightOf(message, part),
    });
    set(group.parts.mark, { class: `mark ${termClass(message.term)}` });
    say(group.parts.title, describeMessage(page, message));
  }

  // Where on its way it is, from 0 to 1, as its times have it; but between the nodes in any case, and those of one
  // moment not all at one place.
  function portion(message) {
    const whole = Math.max(1, message.due_us - message.sent_us);
    const spread = 0.06 * (message.number % 3);
    return Math.max(0.1 + spread, Math.min(0.94 - spread, (page.now - message.sent_us) / whole));
  }

  function flightOf(message, part) {
    const [from, to] = [places.get(message.from), places.get(message.to)];
    if (!from || !to) return 'translate(-50 -50)';
    return `translate(${pointOn(from, to, part)})`;
  }

  // A message that arrived with this step flies the rest of its way to be seen, then is gone.
  function showArrival() {
    if (page.reduced || !page.forward) return;
    const [event] = page.events;
    if (event?.event !== 'delivered' && event?.event !== 'lost') return;
    const here = new Set(page.view.flying.map((message) => message.number));
    const gone = page.before.flying.find((message) => !here.has(message.number));
    const begin = parts.get(gone?.number) ?? 0.1;
    const kind = isIgnored(page, event) ? 'ignored' : event.event;
    if (gone && begin < NEAR) fly(gone, begin, kind === 'lost' ? begin + 0.2 : 1, kind);
  }

  // Live: a leader's count of messages to a peer rose.
  function showSent() {
    const leader = page.view.nodes.find((node) => node.peers.length > 0);
    const old = page.before.nodes.find((node) => node.name === leader?.name);
    for (const peer of leader?.peers ?? []) {
      const sentBefore = old?.peers.find(({ name }) => name === peer.name)?.sent ?? peer.sent;
      if (peer.sent > sentBefore)
        fly(
          { from: leader.name, to: peer.name, type: 'append', term: leader.term, prev: 0, last: 1 },
          0.1,
          1,
          'delivered',
        );
    }
  }

  function fly(message, begin, end, kind) {
    const [from, to] = [places.get(message.from), places.get(message.to)];
    if (!from || !to || page.reduced) return;
    const mark = svg('path', { class: `mark ghost ${kind} ${termClass(message.term)}`, d: markOf(message) });
    messages.after(mark);
    const keys = [begin, end].map((part, at) => ({
      transform: `translate(${pointOn(from, to, part, 'px', ', ')})`,
      opacity: at === 1 && kind !== 'delivered' ? 0 : 1,
    }));
    mark.animate(keys, { duration: FLIGHT_MS, easing: 'ease-in' }).onfinish = () => mark.remove();
  }

  function frame() {
    for (const node of page.view.nodes) updateTimer(nodes.keyed.get(node.name), node);
    for (const message of page.view.flying) updateMessage(messages.keyed.get(message.number), message);
  }

  return { update, frame };
}

// ---- geometry

function placesOf(nodes) {
  const radius = nodes.length <= 5 ? 30 : nodes.length <= 8 ? 26 : 18;
  const reach = { x: WIDTH / 2 - radius - 34, y: HEIGHT / 2 - radius - 24 };
  return new Map(
    nodes.map((node, k) => {
      const angle = nodes.length === 1 ? 0 : (2 * Math.PI * k) / nodes.length - Math.PI / 2;
      const x = Math.round(CENTRE.x + reach.x * Math.cos(angle));
      return [node.name, { x, y: Math.round(CENTRE.y + reach.y * Math.sin(angle)), radius }];
    }),
  );
}

// All the nodes, with their words, and no more.
function frameOf(places) {
  const heights = [...places.values()].flatMap(({ y, radius }) => [y - radius - 16, y + radius + 32]);
  const top = Math.min(...heights);
  return `0 ${top} ${WIDTH} ${Math.max(...heights) - top}`;
}

// A point between two nodes' rims, beside the line, so that the two directions do not meet.
function pointOn(from, to, part, unit = '', comma = ' ') {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const along = from.radius + 8 + (length - from.radius - to.radius - 16) * part;
  const x = from.x + (dx * along) / length - (dy * 6) / length;
  const y = from.y + (dy * along) / length + (dx * 6) / length;
  return `${x.toFixed(1)}${unit}${comma}${y.toFixed(1)}${unit}`;
}

function crossOf(from, to, part) {
  const x = from.x + (to.x - from.x) * part;
  const y = from.y + (to.y - from.y) * part;
  return `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`;
}

function pairs(nodes) {
  return nodes.flatMap((a, k) => nodes.slice(k + 1).map((b) => [a, b]));
}

// The nodes that reach each other, directly or through others, as lists of names: one list if nothing parts them. A
// link that is cut in one direction still joins its ends.
export function groupsOf({ nodes, cut }) {
  const names = nodes.map(({ name }) => name);
  const cuts = new Set(cut.map((ends) => ends.join(' ')));
  const joins = (a, b) => !cuts.has(`${a} ${b}`) || !cuts.has(`${b} ${a}`);
  const rest = new Set(names);
  return names.flatMap((first) => {
    if (!rest.delete(first)) return [];
    const group = new Set([first]);
    for (const one of group) for (const other of rest) if (joins(one, other) && rest.delete(other)) group.add(other);
    return [names.filter((name) => group.has(name))];
  });
}

function wordsOf(groups) {
  return groups.map((names) => names.join(' ')).join(' | ');
}

export function roleOf(node) {
  if (!node.up) return 'down';
  if (node.paused) return 'paused';
  return node.role;
}

function polygon(corners, radius, turn = 0) {
  const points = Array.from({ length: corners }, (_, k) => {
    const angle = (2 * Math.PI * k) / corners - Math.PI / 2 + turn;
    return `${(radius * Math.cos(angle)).toFixed(1)} ${(radius * Math.sin(angle)).toFixed(1)}`;
  });
  return `M${points.join('L')}Z`;
}

function circle(radius) {
  return `M${-radius} 0a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;
}

// A leader is a hexagon, a candidate a diamond, a follower a circle, a stopped one a square.
export function shapeOf(role, radius) {
  if (role === 'leader') return polygon(6, radius * 1.12);
  if (role === 'candidate' || role === 'precandidate') return polygon(4, radius * 1.22);
  if (role === 'down' || role === 'paused') return polygon(4, radius * 1.15, Math.PI / 4);
  return circle(radius);
}

// Entries are a square, a heartbeat a dot, a request for a vote a triangle, a read a diamond; an answer is the same,
// hollow.
function markOf(message) {
  const kind = message.type.replace('-reply', '');
  if (kind === 'append')
    return message.type === 'append' && message.last <= message.prev ? circle(4) : 'M-6 -6h12v12h-12Z';
  if (kind === 'vote' || kind === 'prevote') return polygon(3, 8);
  return polygon(4, 7);
}

// Node names may be longer than a circle is wide.
function short(name) {
  return name.length > 7 ? `${name.slice(0, 6)}…` : name;
}

function isPress(event) {
  if (event.key !== 'Enter' && event.key !== ' ') return false;
  event.preventDefault();
  return true;
}

export function describeMessage(page, message) {
  return page.t(
    'message.describe',
    message.number,
    page.t(`message.${message.type}`),
    message.from,
    message.to,
    message.term,
    page.t(...detailOf(message)),
  );
}

function detailOf(message) {
  if (message.type === 'append')
    return message.last > message.prev
      ? ['message.entries', message.prev + 1, message.last]
      : ['message.heartbeat', message.commit];
  if (message.rejected) return ['message.rejected'];
  if (message.type === 'vote-reply' || message.type === 'prevote-reply')
    return [message.granted ? 'message.granted' : 'message.not-granted'];
  return ['message.plain'];
}

function legendOf(page) {
  const roles = ['leader', 'candidate', 'follower', 'down'].map((role) =>
    h(
      'span',
      {},
      svg(
        'svg',
        { viewBox: '-12 -12 24 24', 'aria-hidden': 'true', class: `key role-${role}` },
        svg('path', { d: shapeOf(role, 8.5), class: 'shape' }),
      ),
      page.t(`role.${role}`),
    ),
  );
  const marks = [
    ['append', { type: 'append', prev: 0, last: 1 }],
    ['heartbeat', { type: 'append', prev: 0, last: 0 }],
    ['vote', { type: 'vote' }],
  ].map(([name, message]) =>
    h(
      'span',
      {},
      svg(
        'svg',
        { viewBox: '-12 -12 24 24', 'aria-hidden': 'true', class: 'key message' },
        svg('path', { d: markOf(message), class: 'mark term-3' }),
      ),
      page.t(`legend.${name}`),
    ),
  );
  const answer = h(
    'span',
    {},
    svg(
      'svg',
      { viewBox: '-12 -12 24 24', 'aria-hidden': 'true', class: 'key message append-reply' },
      svg('path', { d: 'M-6 -6h12v12h-12Z', class: 'mark term-3' }),
    ),
    page.t('legend.answer'),
  );
  return [roles, marks, answer];
}

// Whether the message that has arrived is one that its receiver lets pass: the step after it says so.
function isIgnored({ source, position }, { node, message }) {
  return source
    .events(position + 1)
    .some((next) => next.event === 'ignored' && next.node === node && next.message === message);
}
