// lessons.js - the lessons beside the playground: their list, and one at a time.
//
// A lesson is a Markdown file; its links act on the playground: "scenario:figure-7" plays that scenario, "step:elect"
// goes to the end of the scenario's line `at elect`, and another lesson's file opens that lesson.
import { h, put, say, set } from './dom.js';
import { icon } from './icons.js';
import { parse, render } from './markdown.js';

const FOLDER = new URL('learn/', import.meta.url);

export async function listOfLessons() {
  const answer = await fetch(new URL('index.json', FOLDER));
  return answer.ok ? answer.json() : [];
}

export function create(element, page) {
  const heading = h('h2', {});
  const all = h('button', { type: 'button', class: 'quiet', onclick: () => go(null) });
  const shut = h('button', { type: 'button', class: 'quiet', onclick: () => page.toggleLessons() }, icon('close'));
  const body = h('div', { class: 'lesson', tabindex: '-1' });
  element.append(h('header', {}, heading, all, shut), body);
  const state = { shown: null, drawn: '' }; // Which lesson, and in which language.

  function update() {
    set(element, { 'aria-label': page.t('lessons.title'), hidden: !page.lessonsAreOpen });
    say(heading, page.t('lessons.title'));
    say(all, page.t('lessons.all'));
    set(all, { hidden: page.lesson === null });
    set(shut, { 'aria-label': page.t('close'), title: page.t('close') });
    const signature = `${page.language} ${page.lesson}`;
    if (signature === state.drawn) return;
    state.drawn = signature;
    const lesson = page.lessons.find((one) => one.id === page.lesson);
    if (lesson) void drawLesson(lesson, signature);
    else put(body, listOf());
    if (!lesson) state.shown = null;
  }

  // To the lesson's first words; on a narrow page, beneath the window into the cluster that stays above them.
  function begin() {
    element.scrollTop = 0;
    element.parentElement.scrollIntoView();
  }

  const go = (id) => page.trail.go(id === null ? '' : `#${id}`, () => open(id));

  // Shows a lesson, or the list of all (null), and plays the lesson's scenario from its beginning.
  async function open(id) {
    const lesson = page.lessons.find((one) => one.id === id);
    if (lesson?.scenario) await page.loadNamed(lesson.scenario);
    page.lesson = id;
    page.toggleLessons(true);
    if (id !== null) body.focus({ preventScroll: true });
    return true;
  }

  function listOf() {
    return [
      h('p', { class: 'welcome' }, page.t('welcome.what')),
      h('p', {}, page.t('welcome.press')),
      page.lessons.length === 0 ? h('p', { class: 'note' }, page.t('lessons.none')) : null,
      h(
        'ol',
        { class: 'lesson-list' },
        page.lessons.map((lesson) =>
          h('li', {}, h('button', { type: 'button', onclick: () => go(lesson.id) }, lesson.title[page.language])),
        ),
      ),
      h('p', { class: 'note' }, page.t('welcome.keys')),
    ];
  }

  async function drawLesson(lesson, signature) {
    let content;
    try {
      const answer = await fetch(new URL(lesson.file[page.language], FOLDER));
      if (!answer.ok) throw new Error(String(answer.status));
      content = render(parse(await answer.text()), actionsOf(lesson));
    } catch (error) {
      content = h('p', { class: 'error' }, page.t('error.lesson', lesson.file[page.language], error.message));
    }
    if (signature !== state.drawn) return;
    put(body, content, neighbours(lesson));
    if (state.shown !== lesson.id) begin();
    state.shown = lesson.id;
  }

  function neighbours(lesson) {
    const at = page.lessons.indexOf(lesson);
    const to = (other, key) =>
      other &&
      h(
        'button',
        { type: 'button', class: key, onclick: () => go(other.id) },
        h('small', {}, page.t(`lessons.${key}`)),
        h('span', {}, other.title[page.language]),
      );
    return h(
      'nav',
      { class: 'lesson-nav', 'aria-label': page.t('lessons.title') },
      to(page.lessons[at - 1], 'previous'),
      to(page.lessons[at + 1], 'next'),
    );
  }

  // What a lesson's links do, in their order: a step is one of the scenario that was named last before it.
  function actionsOf(lesson) {
    let named = lesson.scenario;
    return (target) => {
      const [kind, rest] = target.split(/:(.*)/s);
      if (kind === 'scenario') named = rest;
      if (kind === 'scenario') return () => play(lesson, rest);
      if (kind === 'step') return goTo.bind(null, lesson, named, rest);
      const file = target.split('/').at(-1);
      const other = page.lessons.find((one) => Object.values(one.file).some((path) => path.endsWith(`/${file}`)));
      if (other) return `#${other.id}`;
      return /^https?:\/\//.test(target) ? target : null;
    };
  }

  const play = (lesson, scenario) => page.trail.go(`#${lesson.id}`, () => page.loadNamed(scenario));

  async function goTo(lesson, scenario, step) {
    if (page.name === scenario || (await play(lesson, scenario))) await page.goToLabel(step);
  }

  return { update, open };
}
