// actions.js - what one can do to the cluster: to the selected node, as its client, to a link, to a message in flight.
//
// In the playground each action is one event of the scenario language, done at the step that is shown. On a live
// cluster that allows it (--web-admin) one can write and time a node out; the rest is for the shell.
import { h, put, say, set } from './dom.js';
import { describeMessage, roleOf } from './panels/ring.js';
import { leaderOf } from './panels/logs.js';
import { line } from './story.js';

const DELAY = '100ms';

export function create(element, page) {
  const parts = {
    title: h('h2', {}),
    note: h('p', { class: 'note' }),
    declined: h('p', { class: 'row declined' }),
    node: h('fieldset', {}),
    client: h('fieldset', {}),
    link: h('fieldset', {}),
    message: h('fieldset', {}),
  };
  element.append(
    h('header', {}, parts.title, parts.note),
    parts.declined,
    h('div', { class: 'parts' }, parts.node, parts.client, parts.link, parts.message),
  );
  const node = nodePart(parts.node, page);
  const client = clientPart(parts.client, page);
  const declined = declinedPart(parts.declined, page);
  const link = linkPart(parts.link, page);
  const message = messagePart(parts.message, page);

  function update() {
    const { live } = page.view;
    say(parts.title, page.t('actions.title'));
    const isPast = !live && page.position < page.last && !page.playing;
    say(
      parts.note,
      page.t(
        isPast
          ? page.actsLater
            ? 'timeline.forks-later'
            : 'timeline.forks'
          : !live
            ? 'actions.note'
            : page.admin
              ? 'actions.live'
              : 'actions.read-only',
      ),
    );
    set(parts.node, { hidden: live && !page.admin });
    set(parts.client, { hidden: live && !page.admin });
    set(parts.link, { hidden: live });
    set(parts.message, { hidden: live });
    node();
    client();
    declined();
    if (live) return;
    link();
    message();
  }

  return { update };
}

function button(action, attributes = {}) {
  return h('button', { type: 'button', ...attributes, onclick: action });
}

// The options of a chooser, made anew only where they differ.
function choices(select, values, chosen) {
  const signature = JSON.stringify(values);
  if (select.signature !== signature) {
    select.signature = signature;
    put(
      select,
      values.map(([value, words]) => h('option', { value }, words)),
    );
  }
  const wanted = String(chosen ?? '');
  if (select.value !== wanted) select.value = wanted;
}

// ---- a node

function chosenNode(page) {
  return page.view.nodes.find((node) => node.name === page.selected) ?? page.view.nodes[0];
}

function nodePart(element, page) {
  const legend = h('legend', {});
  const select = h('select', { onchange: () => page.select(select.value) });
  const power = button(() => page.act(`${chosenNode(page).up ? 'crash' : 'restart'} ${page.selected}`));
  const pause = button(() => page.act(`${chosenNode(page).paused ? 'resume' : 'pause'} ${page.selected}`));
  const timeOut = button(() =>
    page.view.live ? ask(page, 'campaign', { node: page.selected }) : page.act(`campaign ${page.selected}`),
  );
  element.append(legend, h('div', { class: 'row' }, select, power, pause, timeOut));

  return () => {
    const { live } = page.view;
    const node = chosenNode(page);
    say(legend, page.t('actions.node'));
    set(select, { 'aria-label': page.t('actions.node.choose') });
    choices(
      select,
      page.view.nodes.map((one) => [one.name, `${one.name} · ${page.t(`role.${roleOf(one)}`)}`]),
      node?.name,
    );
    set(power, { hidden: live, title: page.t(node?.up ? 'actions.crash.why' : 'actions.restart.why') });
    say(power, page.t(node?.up ? 'actions.crash' : 'actions.restart'));
    set(pause, { hidden: live, disabled: !node?.up, title: page.t('actions.pause.why') });
    say(pause, page.t(node?.paused ? 'actions.resume' : 'actions.pause'));
    set(timeOut, { disabled: !node?.up || node.role === 'leader', title: page.t('actions.time-out.why') });
    say(timeOut, page.t('actions.time-out'));
  };
}

// ---- a client of the node

function clientPart(element, page) {
  const legend = h('legend', {});
  const input = h('input', {
    type: 'text',
    value: 'x=1',
    size: 8,
    spellcheck: 'false',
    autocomplete: 'off',
    maxlength: '64',
  });
  const submit = h('button', { type: 'submit' });
  const form = h('form', { class: 'together', onsubmit: write, onkeydown: explain }, input, submit);
  const read = button(() => page.act(`read ${page.selected} ${freshWord(page.source.text)}`));
  element.append(legend, h('div', { class: 'row' }, form, read));

  function write(event) {
    event.preventDefault();
    const { live } = page.view;
    const words = input.value;
    const pair = pairOf(words, live);
    if (!pair) return page.oncomplain(page.t(live ? 'actions.write.form-live' : 'actions.write.form'));
    if (live) ask(page, 'write', pair);
    else page.act(`write ${page.selected} ${words}`);
    input.value = next(words);
  }

  // While the button cannot be pressed, the Enter key does nothing either, and has to say why.
  function explain({ key, target }) {
    if (key === 'Enter' && target === input && submit.disabled)
      page.oncomplain(page.t('actions.write.down', chosenNode(page).name));
  }

  return () => {
    const { live } = page.view;
    const node = chosenNode(page);
    say(legend, page.t('actions.client', node?.name ?? ''));
    set(input, { 'aria-label': page.t('actions.write.what') });
    say(submit, page.t('actions.write'));
    set(submit, { disabled: !node?.up, title: page.t('actions.write.why') });
    set(read, { hidden: live, disabled: !node?.up, title: page.t('actions.read.why') });
    say(read, page.t('actions.read'));
  };
}

// Key and value of `key=value`; null if that is none. A story's lines have room for one word, without a comment or the
// next event; a live node takes each character as it is.
export function pairOf(words, live) {
  const form = live ? /^([^=]+)=(.*)$/s : /^([^=#;\s]+)=([^#;\s]*)$/;
  const [, key, value] = form.exec(words) ?? [];
  return key === undefined ? null : { key, value };
}

// A node that does not lead did not take what somebody asked for with the step shown: the leader can be asked instead.
const DECLINED = new Set(['not-leader', 'no-leader']);
const ASKED = /^\s*at you (write|read) \S+ ([^;#]*)/;

function declinedPart(element, page) {
  const words = h('span', {});
  const instead = button(() => {
    const { leader, verb, what } = asked();
    page.select(leader);
    page.act(`${verb} ${leader} ${what}`);
  });
  element.append(words, instead);

  // {event, verb, what, leader}: what was asked for, and who leads, if anybody does; null if nothing was declined.
  function asked() {
    const event = page.events.find(({ outcome }) => DECLINED.has(outcome));
    const [, verb, what] = (event && ASKED.exec(line(page.source.text, page.source.lineOf(page.position)))) ?? [];
    return verb ? { event, verb, what, leader: leaderOf(page.view)?.name } : null;
  }

  return () => {
    const found = asked();
    set(element, { hidden: !found });
    if (!found) return;
    say(words, page.tell(found.event));
    set(instead, { hidden: !found.leader });
    say(instead, page.t(`actions.${found.verb}.on`, found.leader ?? ''));
  };
}

// After x=1 one probably wants to write x=2.
function next(words) {
  return words.replace(/\d+$/, (digits) => String(Number(digits) + 1));
}

// A name that no write or read of the text has.
function freshWord(text) {
  let number = 1;
  while (new RegExp(`\\br${number}\\b`).test(text)) number++;
  return `r${number}`;
}

async function ask(page, what, body) {
  try {
    const answer = await fetch(`admin/${what}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Fairlead': '1' },
      body: JSON.stringify(body),
    });
    const words = (await answer.text()).trim();
    if (answer.ok) page.onnotice(page.t(`actions.answered.${what}`, words, body.node));
    else page.oncomplain(words || page.t('actions.refused', answer.status));
  } catch {
    page.oncomplain(page.t('error.connection'));
  }
}

// ---- a link

function linkPart(element, page) {
  const legend = h('legend', {});
  const [from, to] = [0, 1].map((end) => h('select', { onchange: () => choose(end) }));
  const cut = button(() => page.act(`${isCut() ? 'heal' : 'cut'} ${from.value} ${to.value}`));
  const isolate = button(() => page.act(`isolate ${from.value}`));
  const heal = button(() => page.act('heal all'));
  element.append(
    legend,
    h('div', { class: 'row' }, from, h('span', { 'aria-hidden': 'true' }, '↔'), to, cut, isolate, heal),
  );

  // The ends are two nodes: whoever chooses one for both moves the other away.
  function choose(end) {
    const names = page.view.nodes.map((node) => node.name);
    const ends = [from.value, to.value];
    if (ends[0] === ends[1]) ends[1 - end] = names.find((name) => name !== ends[end]);
    page.chooseLink(...ends);
  }

  function isCut() {
    return page.view.cut.some(([a, b]) => [a, b].includes(from.value) && [a, b].includes(to.value));
  }

  return () => {
    const names = page.view.nodes.map((node) => node.name);
    const first = page.link?.[0] ?? page.selected ?? names[0];
    const second =
      page.link?.[1] ??
      (to.value !== first && names.includes(to.value) ? to.value : names.find((name) => name !== first));
    say(legend, page.t('actions.link'));
    set(from, { 'aria-label': page.t('actions.link.from') });
    set(to, { 'aria-label': page.t('actions.link.to') });
    choices(
      from,
      names.map((name) => [name, name]),
      first,
    );
    choices(
      to,
      names.map((name) => [name, name]),
      second,
    );
    say(cut, page.t(isCut() ? 'actions.heal' : 'actions.cut'));
    set(cut, { disabled: names.length < 2 });
    say(isolate, page.t('actions.isolate', first ?? ''));
    say(heal, page.t('actions.heal-all'));
    set(heal, { disabled: page.view.cut.length === 0 });
  };
}

// ---- a message in flight

function messagePart(element, page) {
  const legend = h('legend', {});
  const select = h('select', { class: 'wide', onchange: () => page.chooseMessage(Number(select.value)) });
  const verbs = {
    deliver: (m) => `deliver #${m}`,
    drop: (m) => `drop #${m}`,
    delay: (m) => `delay #${m} by ${DELAY}`,
    again: (m) => `again #${m}`,
  };
  const buttons = Object.entries(verbs).map(([name, event]) => [
    name,
    button(() => page.act(event(page.message ?? page.view.flying[0].number))),
  ]);
  const settle = button(() => page.act('settle'));
  element.append(
    legend,
    h('div', { class: 'row' }, select, settle),
    h(
      'div',
      { class: 'row' },
      buttons.map(([, one]) => one),
    ),
  );

  return () => {
    const { flying } = page.view;
    say(legend, page.t('actions.message', flying.length));
    set(select, { 'aria-label': page.t('actions.message.choose'), disabled: flying.length === 0 });
    choices(
      select,
      flying.length === 0
        ? [['', page.t('actions.message.none')]]
        : flying.map((message) => [String(message.number), describeMessage(page, message)]),
      page.message ?? flying[0]?.number,
    );
    for (const [name, one] of buttons) {
      say(one, page.t(`actions.${name}`));
      set(one, { disabled: flying.length === 0, title: page.t(`actions.${name}.why`) });
    }
    say(settle, page.t('actions.settle'));
    set(settle, { title: page.t('actions.settle.why') });
  };
}
