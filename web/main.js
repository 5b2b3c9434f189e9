// main.js - begins: learns what it is to show, lays out the page, and keeps every panel up to date.
//
// The server says in mode.json whether it is a node of a cluster; /learn is a playground everywhere. All state is in
// `page` (page.js, desk.js). Nothing runs by itself but what main.js was told: a source that has news, or the player.
import { h, put, say, set } from './dom.js';
import * as actions from './actions.js';
import * as controls from './controls.js';
import { Desk } from './desk.js';
import { icon } from './icons.js';
import { createHelp, listen } from './keyboard.js';
import * as lessons from './lessons.js';
import { decode } from './link.js';
import { LiveSource } from './live.js';
import { Page } from './page.js';
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
import { PlaygroundSource } from './playground.js';
import { Player } from './player.js';
import { chooseLanguage, isDark, languageOf, onpreference, prefersReducedMotion, switchTheme } from './reader.js';
import * as tabs from './tabs.js';

const NOTICE_MS = 6000;
const FIRST = 'figure-7'; // The scenario of those who ask for none, where there are no lessons.

const SIDE = {
  live: { inspector, events, keys, charts, jobs, safety },
  playground: { inspector, events, keys, charts, safety },
};

void begin();

async function begin() {
  const reader = { language: languageOf(), reduced: prefersReducedMotion() };
  chooseLanguage(reader.language);
  const mode = await fetchMode();
  const isLive = mode.live && !location.pathname.endsWith('/learn');
  const page = isLive ? new Page(reader) : new Desk(reader, (text, branch) => PlaygroundSource.open(text, { branch }));
  page.admin = isLive && mode.admin === true;
  document.body.className = isLive ? 'is-live' : 'is-playground';
  const frame = layOut(page, mode, isLive);
  try {
    if (isLive) page.show(await LiveSource.open(), Infinity);
    else await layOutStory(page, frame);
  } catch (error) {
    frame.fail(page.t(isLive ? 'error.live' : 'error.core', error.message));
  }
}

// A server that only has files, and no mode.json, has a playground to show.
async function fetchMode() {
  try {
    const answer = await fetch('mode.json');
    return answer.ok ? await answer.json() : { live: false };
  } catch {
    return { live: false };
  }
}

// What the link asks for: a shared story, a lesson, a scenario; or, without any, the lessons and the first scenario.
async function layOutStory(page, frame) {
  await Promise.all([page.listScenarios(), lessons.listOfLessons().then((list) => (page.lessons = list))]);
  const wanted = location.hash.slice(1);
  frame.toggleLessons(!wanted || page.lessons.some((lesson) => lesson.id === wanted));
  addEventListener('hashchange', () => openWanted(page, frame, location.hash.slice(1)));
  if (wanted && (await openWanted(page, frame, wanted))) return;
  const failure = await page.tryNamed(page.lessons.find((lesson) => lesson.scenario)?.scenario ?? FIRST);
  if (failure) frame.fail(page.t('error.core', failure));
}

async function openWanted(page, frame, wanted) {
  if (page.lessons.some((lesson) => lesson.id === wanted)) {
    await frame.openLesson(wanted);
    return page.source !== null;
  }
  if (!wanted.startsWith('text=')) return page.loadNamed(wanted);
  try {
    const { text, ...place } = await decode(wanted);
    return await page.load(text, place);
  } catch {
    page.oncomplain(page.t('error.link'));
    return false;
  }
}

// ---- the frame

function layOut(page, mode, isLive) {
  const panels = [];
  const section = (name, { create }, tag = 'section') => {
    const element = h(tag, { class: `card ${name}` });
    panels.push(create(element, page));
    return element;
  };
  page.player = new Player(page, () => panels.forEach((panel) => panel.frame?.()));

  const help = createHelp(page);
  const top = topOf(page, mode, isLive, help);
  const main = h(
    'main',
    { id: 'main', tabindex: '-1' },
    h('div', { class: 'column' }, section('matrix-panel', matrix), section('lens', lens)),
    h('div', { class: 'column' }, section('ring-panel', ring), section('actions', actions)),
  );
  const side = h('aside', { class: 'card side' });
  panels.push(
    top,
    tabs.create(
      side,
      page,
      Object.entries(SIDE[isLive ? 'live' : 'playground']).map(([name, { create }]) => ({ name, create })),
    ),
  );
  const notices = noticesOf(page);
  const stage = h('div', { class: 'stage' }, h('div', { class: 'work' }, h('div', { class: 'work-grid' }, main, side)));
  const frame = { fail: (words) => put(main, h('p', { class: 'fatal', role: 'alert' }, words)) };
  put(
    document.body,
    h(
      'a',
      {
        class: 'skip',
        href: '#main',
        onclick: (event) => {
          event.preventDefault();
          main.focus();
        },
      },
      page.t('skip'),
    ),
    top.element,
    stage,
    section('timeline', timeline, 'footer'),
    notices,
    help.element,
  );
  if (!isLive) layOutDesk(page, frame, { stage, top, panels });

  page.onupdate = () => page.source && panels.forEach((panel) => panel.update());
  page.relabel = () => (page.source ? page.onupdate() : top.update());
  listen(page, { help: help.show });
  onpreference(() => {
    page.reduced = prefersReducedMotion();
    top.update();
  });
  top.update();
  return frame;
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
  page.lessonsAreOpen = false;
  page.toggleLessons = (open = aside.hidden) => {
    aside.hidden = !open;
    page.lessonsAreOpen = open;
    page.relabel();
  };
  frame.toggleLessons = page.toggleLessons;
  frame.openLesson = (id) => {
    page.toggleLessons(true);
    return shelf.open(id);
  };
}

function topOf(page, mode, isLive, help) {
  const brand = h('a', { class: 'brand', href: isLive ? './' : './learn' }, 'Fairlead');
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
    say(other, page.t(isLive ? 'top.playground' : 'top.live'));
    if (!isLive) put(lessonsButton, icon('book'), h('span', {}, page.t('lessons.title')));
    set(lessonsButton, { 'aria-expanded': String(page.lessonsAreOpen === true) });
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
  page.relabel();
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
