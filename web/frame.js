// frame.js - the page around its panels: the head, the places where panels stand, the playground's drawers, notices.
import * as actions from './actions.js';
import * as controls from './controls.js';
import { h, put, say, set } from './dom.js';
import { icon } from './icons.js';
import { createHelp, listen } from './keyboard.js';
import * as lessons from './lessons.js';
import * as charts from './panels/charts.js';
import * as events from './panels/events.js';
import * as inspector from './panels/inspector.js';
import * as jobs from './panels/jobs.js';
import * as keys from './panels/keys.js';
import * as lens from './panels/lens.js';
import * as matrix from './panels/matrix.js';
import * as ring from './panels/ring.js';
import * as safety from './panels/safety.js';
import * as timeline from './panels/timeline.js';
import * as verdict from './panels/verdict.js';
import { Player } from './player.js';
import { chooseLanguage, isDark, onpreference, prefersReducedMotion, switchTheme } from './reader.js';
import * as tabs from './tabs.js';

const NOTICE_MS = 6000;
const LIVE_TABS = { inspector, events, keys, charts, jobs, safety };
const PLAYGROUND_TABS = { inspector, events, keys, charts, safety };

// Lays the page out. Until `page` has a source, and where it cannot have one, words stand in the panels' place.
export function layOut(page, mode, isLive) {
  const panels = [];
  const section = (name, { create }, tag = 'section') => {
    const element = h(tag, { class: `card ${name}` });
    panels.push(create(element, page));
    return element;
  };
  const help = createHelp(page);
  const top = topOf(page, mode, isLive, help);
  panels.push(top);
  const main = h(
    'main',
    { id: 'main', tabindex: '-1' },
    h('div', { class: 'column' }, section('matrix-panel', matrix), section('lens', lens)),
    h('div', { class: 'column' }, section('ring-panel', ring), section('actions', actions)),
    section('side', tabs.of(isLive ? LIVE_TABS : PLAYGROUND_TABS)),
  );
  const waiting = waitingOf(page, isLive ? 'waiting.live' : 'waiting.core');
  const work = h('div', { class: 'work' }, main);
  const stage = h('div', { class: 'stage' }, waiting.element, work);
  const skip = h('a', { class: 'skip', href: '#main', onclick: (event) => jump(event, main) });
  const frame = { wait: waiting.say, fail: waiting.fail, follow: (panel) => panels.push(panel) };
  put(document.body, skip, top.element, stage, section('timeline', timeline, 'footer'), noticesOf(page), help.element);
  if (!isLive) layOutDesk(page, frame, { stage, top, panels });
  keepUpToDate(page, { panels, top, waiting, skip });
  listen(page, { help: help.show });
  return frame;
}

function keepUpToDate(page, { panels, top, waiting, skip }) {
  document.body.classList.add('is-waiting');
  page.player = new Player(page, () => panels.forEach((panel) => panel.frame?.()));
  page.onupdate = () => {
    say(skip, page.t('skip'));
    if (page.source === null) {
      top.update();
      return waiting.update();
    }
    waiting.element.remove();
    document.body.classList.remove('is-waiting');
    document.body.classList.toggle('is-lost', page.source.connected === false);
    panels.forEach((panel) => panel.update());
  };
  onpreference(() => {
    page.reduced = prefersReducedMotion();
    top.update();
  });
  page.onupdate();
}

// What stands in the panels' place until there is something to show, or because there never will be.
function waitingOf(page, begin) {
  const element = h('p', { class: 'waiting', role: 'status' });
  let key = begin;
  const update = () => key && say(element, page.t(key));
  return {
    element,
    update,
    say(other) {
      key = other;
      update();
    },
    fail(words) {
      key = null;
      put(element, h('span', { class: 'fatal', role: 'alert' }, words));
    },
  };
}

// The fragment of the address is the story's, so a link within the page may not set it.
function jump(event, to) {
  event.preventDefault();
  to.focus();
}

// The playground's toolbar and its two drawers.
function layOutDesk(page, frame, { stage, top, panels }) {
  const bar = h('div', { class: 'toolbar', role: 'region' });
  const story = h('aside', { class: 'card story', hidden: true });
  const aside = h('aside', { class: 'card lessons', hidden: true });
  const shelf = lessons.create(aside, page);
  panels.push(controls.create(bar, page), controls.createStory(story, page), shelf);
  top.element.after(bar);
  stage.prepend(aside);
  stage.append(story);
  page.storyIsOpen = false;
  page.toggleStory = () => {
    page.storyIsOpen = story.hidden;
    story.hidden = !story.hidden;
    page.onupdate();
  };
  frame.openLesson = shelf.open;
}

function topOf(page, mode, isLive, help) {
  const brand = h('a', { class: 'brand', href: isLive ? './' : './learn' }, 'Fairlead');
  const whose = h('span', { class: 'whose' });
  const judged = h('section', { class: 'verdict' });
  const shown = verdict.create(judged, page);
  const other = h('a', { class: 'tool', href: isLive ? 'learn' : './' });
  const lessonsButton = h('button', { type: 'button', class: 'tool', onclick: () => page.toggleLessons() });
  const language = h('button', { type: 'button', class: 'tool', onclick: () => speak(page) });
  const theme = h('button', {
    type: 'button',
    class: 'tool',
    onclick: () => {
      switchTheme();
      draw();
    },
  });
  const keysButton = h('button', { type: 'button', class: 'tool', onclick: help.show }, '?');
  const element = h(
    'header',
    { class: 'top' },
    h('h1', {}, brand),
    isLive ? whose : null,
    judged,
    h(
      'nav',
      { class: 'tools' },
      isLive ? null : lessonsButton,
      mode.live && (!isLive || mode.playground) ? other : null,
      language,
      theme,
      keysButton,
    ),
  );

  function draw() {
    if (page.source) shown.update();
    document.title = isLive ? `${mode.name} · Fairlead` : `${page.t('title.playground')} · Fairlead`;
    say(whose, page.t('top.node', mode.name));
    say(other, page.t(isLive ? 'top.playground' : 'top.live'));
    if (!isLive) put(lessonsButton, icon('book'), h('span', {}, page.t('lessons.title')));
    set(lessonsButton, { 'aria-expanded': String(page.lessonsAreOpen) });
    say(language, page.language === 'en' ? '中文' : 'English');
    set(language, { lang: page.language === 'en' ? 'zh-Hans' : 'en' });
    put(theme, icon(isDark() ? 'sun' : 'moon'));
    set(theme, {
      'aria-label': page.t(isDark() ? 'top.light' : 'top.dark'),
      title: page.t(isDark() ? 'top.light' : 'top.dark'),
    });
    set(keysButton, { 'aria-label': page.t('help.title'), title: page.t('help.title') });
  }

  return { element, update: draw };
}

function speak(page) {
  page.language = page.language === 'en' ? 'zh' : 'en';
  chooseLanguage(page.language);
  page.onupdate();
}

// What the page says: events to screen readers; what was done, and what went wrong, to everybody.
function noticesOf(page) {
  const announcer = h('div', { class: 'unseen', 'aria-live': 'polite' });
  const notice = h('p', { class: 'notice', role: 'status' });
  const words = h('span', {});
  const complaint = h(
    'p',
    { class: 'complaint', role: 'alert', hidden: true },
    words,
    h(
      'button',
      { type: 'button', class: 'quiet', 'aria-label': '×', onclick: () => (complaint.hidden = true) },
      icon('close'),
    ),
  );
  let timer;
  page.onannounce = (sentences) => {
    say(announcer, sentences.join('. '));
    complaint.hidden = true;
  };
  page.onnotice = (text) => {
    complaint.hidden = true;
    say(notice, text);
    clearTimeout(timer);
    timer = setTimeout(() => say(notice, ''), NOTICE_MS);
  };
  page.oncomplain = (text) => {
    say(words, text);
    complaint.hidden = false;
  };
  return h('div', { class: 'notices' }, announcer, notice, complaint);
}
