// main.js - begins: learns what there is to show, and shows it.
//
// The server says in mode.json whether it is a node of a cluster; /learn is a playground everywhere. All state is in
// `page` (page.js, desk.js), all that is seen in panels that frame.js puts together.
import { Desk } from './desk.js';
import { layOut } from './frame.js';
import { listOfLessons } from './lessons.js';
import { decode } from './link.js';
import { LiveSource } from './live.js';
import { Page } from './page.js';
import { PlaygroundSource } from './playground.js';
import { chooseLanguage, languageOf, prefersReducedMotion } from './reader.js';
import { Trail } from './trail.js';

const FIRST = 'figure-7'; // The scenario of those who ask for none, where there are no lessons.

void begin();

async function begin() {
  const reader = { language: languageOf(), reduced: prefersReducedMotion() };
  chooseLanguage(reader.language);
  const mode = await fetchMode();
  const isLive = mode.live && !location.pathname.endsWith('/learn');
  const page = isLive ? new Page(reader) : new Desk(reader, (text, branch) => PlaygroundSource.open(text, { branch }));
  page.admin = isLive && mode.admin === true;
  const frame = layOut(page, mode, isLive);
  try {
    if (isLive) page.show(await LiveSource.open({ onwait: () => frame.wait('waiting.again') }), Infinity);
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

// What was left here, or what the link asks for: a shared story, a lesson, a scenario; without any, the lessons and the
// first scenario.
async function layOutStory(page, frame) {
  await Promise.all([page.listScenarios(), listOfLessons().then((list) => (page.lessons = list))]);
  page.trail = new Trail(page, (wanted) => openWanted(page, frame, wanted));
  frame.follow(page.trail);
  await page.trail.begin();
  if (page.source !== null) return;
  const failure = await page.tryNamed(page.lessons.find((lesson) => lesson.scenario)?.scenario ?? FIRST);
  if (failure) frame.fail(page.t('error.core', failure));
}

async function openWanted(page, frame, wanted) {
  if (wanted === '') return frame.openLesson(null);
  if (page.lessons.some((lesson) => lesson.id === wanted)) return frame.openLesson(wanted);
  if (wanted.startsWith('text=')) return openLink(page, wanted);
  if (page.scenarios.some(({ file }) => file === `${wanted}.txt`)) return page.loadNamed(wanted);
  await frame.openLesson(null);
  page.oncomplain(page.t('error.name', wanted));
}

async function openLink(page, wanted) {
  try {
    const { text, ...place } = await decode(wanted);
    await page.load(text, place);
  } catch {
    page.oncomplain(page.t('error.link'));
  }
}
