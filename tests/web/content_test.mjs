// What the page tells: every scenario and lesson is in its list, in both languages, and every link of a lesson leads to
// something that is there.
//
//   node --test tests/web/content_test.mjs
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const LANGUAGES = ['en', 'zh'];
const SCENARIOS = new URL('../../web/scenarios/', import.meta.url);
const LESSONS = new URL('../../docs/learn/', import.meta.url);
const GROUPS = ['election', 'log', 'commit', 'network'];

const read = (folder, file) => readFileSync(new URL(file, folder), 'utf8');
const scenarios = JSON.parse(read(SCENARIOS, 'index.json'));
const lessons = JSON.parse(read(LESSONS, 'index.json'));
const lines = (file) => read(SCENARIOS, file).split('\n').map((line) => line.replace(/#.*/, '').trim());

// The steps that a link can go to.
const steps = (scenario) => lines(`${scenario}.txt`).flatMap((line) => /^at\s+(\S+)/.exec(line)?.[1] ?? []);

function* linksOf(text) {
  for (const [, words, target] of text.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)) yield { words, target };
}

test('every scenario file is in the list, once, with words in each language', () => {
  const files = readdirSync(SCENARIOS).filter((file) => file.endsWith('.txt'));
  assert.deepEqual(scenarios.map(({ file }) => file).sort(), files.sort());
  for (const { file, group, title, text } of scenarios) {
    assert.ok(GROUPS.includes(group), `${file}: ${group}`);
    for (const language of LANGUAGES) assert.ok(title[language] && text[language], `${file}: ${language}`);
  }
});

test('every scenario tells its story, expects something, and names its steps', () => {
  for (const { file } of scenarios) {
    const verbs = lines(file).map((line) => line.split(/\s+/)[0]);
    for (const verb of ['title', 'say', 'expect', 'at']) assert.ok(verbs.includes(verb), `${file}: no ${verb}`);
  }
});

test('within a branch every step has a name of its own', () => {
  for (const { file } of scenarios) {
    let names = [];
    let common = null;
    for (const line of lines(file)) {
      if (line.startsWith('branch ')) names = [...(common ??= names)];
      const name = /^at\s+(\S+)/.exec(line)?.[1];
      assert.ok(!name || !names.includes(name), `${file}: ${name}`);
      if (name) names.push(name);
    }
  }
});

test('what the scenarios say is said in Chinese too, and nothing that they do not say', () => {
  const said = new Set(
    scenarios.flatMap(({ file }) => lines(file).flatMap((line) => /^(?:title|say)\s+(.*)/.exec(line)?.[1] ?? [])),
  );
  const translated = JSON.parse(read(SCENARIOS, 'zh.json'));
  assert.deepEqual([...said].filter((words) => !translated[words]), []);
  assert.deepEqual(Object.keys(translated).filter((words) => !said.has(words)), []);
});

test('every lesson file is in the list, with the scenario beside it', () => {
  for (const language of LANGUAGES) {
    const files = readdirSync(new URL(`${language}/`, LESSONS)).map((file) => `${language}/${file}`);
    assert.deepEqual(lessons.map(({ file }) => file[language]).sort(), files.sort());
  }
  for (const { id, title, scenario } of lessons) {
    assert.match(id, /^[a-z-]+$/);
    assert.ok(LANGUAGES.every((language) => title[language]), id);
    assert.ok(scenarios.some(({ file }) => file === `${scenario}.txt`), id);
  }
});

test("a lesson's links lead to scenarios, to steps of the one opened last, and to lessons", () => {
  for (const lesson of lessons)
    for (const language of LANGUAGES) {
      const file = lesson.file[language];
      let open = lesson.scenario;
      for (const { words, target } of linksOf(read(LESSONS, file))) {
        const [, kind, name] = /^(?:(scenario|step):)?(.*)$/.exec(target);
        const where = `${file}: [${words}](${target})`;
        if (kind === 'scenario') open = name;
        if (kind === 'scenario') assert.ok(existsSync(new URL(`${name}.txt`, SCENARIOS)), where);
        else if (kind === 'step') assert.ok(steps(open).includes(name), `${where} in ${open}`);
        else assert.ok(existsSync(new URL(`${language}/${name}`, LESSONS)), where);
      }
    }
});

test('both languages of a lesson lead to the same steps', () => {
  for (const { id, file } of lessons) {
    const [en, zh] = LANGUAGES.map((language) =>
      [...linksOf(read(LESSONS, file[language]))].map(({ target }) => target));
    assert.deepEqual(zh, en, id);
  }
});
