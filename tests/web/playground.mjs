// The playground in a browser: every scenario plays, every lesson opens, every action works, also by the keyboard
// alone.
//
//   node playground.mjs BINARY [--port 22200]
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  check, choose, complaint, find, findAll, finish, key, launch, learn, mustBeQuiet, nodes, openPlayground, openTab,
  place, press, storyText, until,
} from './browser.mjs';

const [binary, ...options] = process.argv.slice(2);
const port = options[0] === '--port' ? Number(options[1]) : 22200;
const LINES_MAX = 300;

const root = new URL('../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const scenarios = JSON.parse(read('web/scenarios/index.json'));
const lessons = JSON.parse(read('docs/learn/index.json'));

const server = await learn(binary, port);
const browser = await launch();
const tab = await openTab(browser);
const downloads = mkdtempSync(join(tmpdir(), 'fairlead-browser-'));

// ---- scenarios

async function playToTheEnd() {
  for (let k = 0; k < LINES_MAX; k++) {
    const { step, last } = await place(tab);
    if (step === last) return;
    await tab.keyboard.down('Shift');
    await key(tab, 'ArrowRight');
    await tab.keyboard.up('Shift');
    assert.ok((await place(tab)).step > step, `still at step ${step}`);
  }
  assert.fail(`not at the end after ${LINES_MAX} lines`);
}

// What the core in the page says of the text, played whole: each branch's expectations, and what did not hold.
function judge(text) {
  return tab.evaluate(async (text) => {
    const { PlaygroundSource } = await import('./web/playground.js');
    const first = await PlaygroundSource.open(text);
    const branches = first.branches.length > 0 ? first.branches : [null];
    first.close();
    return Promise.all(branches.map(async (branch) => {
      const source = await PlaygroundSource.open(text, { branch });
      const { expectations, failure } = source;
      const told = Array.from({ length: source.length }, (_, k) => source.events(k)).flat();
      source.close();
      return { expectations, failure, notHeld: told.filter(({ event }) => event === 'not-held').length };
    }));
  }, text);
}

async function checkScenario({ file, title }) {
  const name = file.replace('.txt', '');
  await openPlayground(tab, server.site, name === 'first-election' ? 'replication' : 'first-election');
  await choose(tab, 'Scenario', title.en);
  await until(() => tab.evaluate((wanted) => location.hash === wanted, `#${name}`), `#${name}`);
  for (const branch of await branchesShown()) {
    if (branch) await choose(tab, 'Branch', branch);
    assert.equal((await place(tab)).step, 0);
    await playToTheEnd();
    if (name !== 'figure-8-unsafe') assert.equal(await complaint(tab), '');
  }
  for (const { expectations, failure, notHeld } of await judge(read(`web/scenarios/${file}`))) {
    assert.ok(expectations > 0);
    assert.deepEqual({ failure, notHeld }, { failure: null, notHeld: 0 });
  }
}

async function branchesShown() {
  const [chooser] = await findAll(tab, 'combobox', 'Branch');
  return chooser
    ? (await chooser.elementHandle()).evaluate((list) => [...list.options].map(({ text }) => text))
    : [null];
}

for (const scenario of scenarios)
  await check(`the scenario ${scenario.file} plays to its end`, () => checkScenario(scenario));

await check('the story with the rule of Figure 8 off says what is broken', async () => {
  await openPlayground(tab, server.site, 'figure-8-unsafe');
  await key(tab, 'End');
  assert.match(await complaint(tab), /Safety is broken: (State Machine Safety|Leader Completeness)$/);
});

await check('Play plays, and Pause stays', async () => {
  await openPlayground(tab, server.site, 'first-election');
  await choose(tab, 'Speed', '1×');
  await press(tab, 'Play');
  await until(async () => (await place(tab)).step > 10, 'step 11', 30000);
  await press(tab, 'Pause');
  const { step } = await place(tab);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal((await place(tab)).step, step);
});

await check('from the end on, time goes by', async () => {
  await openPlayground(tab, server.site, 'first-election');
  await key(tab, 'End');
  const { last } = await place(tab);
  await choose(tab, 'Speed', '1×');
  await press(tab, 'Play');
  await until(async () => (await place(tab)).last > last, 'a new step', 30000);
  await press(tab, 'Pause');
  assert.match(await storyText(tab), /at you +flow \d+/);
});

// ---- lessons

async function checkLesson(lesson, language) {
  const reader = await openTab(browser, { language });
  try {
    await openPlayground(reader, server.site, lesson.id);
    const text = read(`docs/learn/${lesson.file[language]}`);
    await find(reader, 'heading', /^# (.*)$/m.exec(text)[1]);
    for (const [, words] of text.replaceAll('\n', ' ').matchAll(/\[([^\]]+)\]\((?:scenario|step):[^)]+\)/g)) {
      await press(
        reader,
        new RegExp(`^(?:▸ )?${words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(' ', '\\s+')}$`),
      );
      await reader.waitForNetworkIdle({ idleTime: 50 });
      assert.doesNotMatch(await complaint(reader), /step|步/);
    }
    await mustBeQuiet(reader);
  } finally {
    await reader.close();
  }
}

for (const lesson of lessons)
  for (const language of ['en', 'zh'])
    await check(`lesson ${lesson.id} (${language}) opens, and its links act`, () => checkLesson(lesson, language));

await check("a lesson's step is one of the scenario that the lesson speaks of there, whatever is open", async () => {
  await openPlayground(tab, server.site, 'state-machine-replication');
  await press(tab, /waits until it has applied that much$/);
  await until(
    async () => (await (await find(tab, 'combobox', 'Scenario')).evaluate((list) => list.value)) === 'read-index',
    'the scenario',
  );
  await until(async () => (await place(tab)).step > 0, 'the step');
});

await check('words that lead to another lesson are a link, and it opens', async () => {
  await openPlayground(tab, server.site, 'leader-election');
  await press(tab, 'chapter 4', 'link');
  await find(tab, 'heading', 'Repairing inconsistent logs');
});

await check('the language is switched where one is', async () => {
  await openPlayground(tab, server.site);
  await press(tab, '中文');
  assert.equal(await tab.$eval('a[href="#main"]', (skip) => skip.textContent), '跳到集群');
  await find(tab, 'heading', '节点与消息');
  assert.equal(await tab.evaluate(() => document.documentElement.lang), 'zh-Hans');
  await press(tab, 'English');
  await find(tab, 'heading', 'Nodes and messages');
});

// ---- actions

// At the end of a small story of three nodes, of which A leads.
async function atTheEnd(scenario = 'replication') {
  await openPlayground(tab, server.site, scenario);
  await key(tab, 'End');
}

const select = (name) => choose(tab, 'Selected node', name);

async function lastLine() {
  return (await storyText(tab)).trim().split('\n').at(-1).replace(/\s+/g, ' ');
}

await check('a node is crashed, and restarted', async () => {
  await atTheEnd();
  await select('B');
  await press(tab, 'Crash');
  assert.equal((await nodes(tab)).B.role, 'down');
  assert.equal(await lastLine(), 'at you crash B');
  await press(tab, 'Restart');
  assert.equal((await nodes(tab)).B.role, 'follower');
  assert.equal(await lastLine(), 'at you restart B');
});

await check('a node is paused, and goes on', async () => {
  await atTheEnd();
  await select('B');
  await press(tab, 'Pause node');
  assert.equal((await nodes(tab)).B.role, 'paused');
  await press(tab, 'Resume node');
  assert.equal((await nodes(tab)).B.role, 'follower');
});

await check('a write is replicated and committed', async () => {
  await atTheEnd();
  await select('A');
  const before = (await nodes(tab)).A;
  const input = await find(tab, 'textbox', 'key=value to write');
  await input.evaluate((field) => field.select());
  await input.type('colour=red');
  await press(tab, 'Write');
  assert.equal((await nodes(tab)).A.entries, before.entries + 1);
  await press(tab, 'Let all arrive');
  for (const node of Object.values(await nodes(tab))) assert.equal(node.commit, before.commit + 1);
  await press(tab, 'Keys', 'tab');
  await until(() => tab.evaluate(() => document.body.innerText.includes('red')), 'the value');
});

await check('a write that is none is refused in words', async () => {
  await atTheEnd();
  const input = await find(tab, 'textbox', 'key=value to write');
  await input.evaluate((field) => (field.value = 'nonsense'));
  await press(tab, 'Write');
  assert.match(await complaint(tab), /key=value/);
  const before = (await place(tab)).last;
  await input.evaluate((field) => (field.value = 'x=a b'));
  await press(tab, 'Write');
  assert.equal((await place(tab)).last, before);
  assert.match(await complaint(tab), /without spaces/);
});

await check('who writes through a node that is down is told so', async () => {
  await atTheEnd();
  await select('B');
  await press(tab, 'Crash');
  const { last } = await place(tab);
  await (await find(tab, 'textbox', 'key=value to write')).press('Enter');
  assert.match(await complaint(tab), /B does not run/);
  assert.equal((await place(tab)).last, last);
});

await check('a follower that lacks entries is not called in line, up or down', async () => {
  await atTheEnd('replication');
  const leader = Object.entries(await nodes(tab)).find(([, { role }]) => role === 'leader')[0];
  const away = leader === 'C' ? 'B' : 'C';
  await press(tab, new RegExp(`^${away}: in line$`));
  await press(tab, 'Crash');
  await select(leader);
  await press(tab, 'Write');
  await press(tab, 'Let all arrive');
  await press(tab, new RegExp(`^${away}: down; 1 entry behind$`));
  const last = () => tab.$eval('.lens-phase:last-child', (chip) => chip.textContent);
  assert.equal(await last(), 'In line not yet');
  await press(tab, 'Restart');
  await select(leader);
  await press(tab, 'Write');
  await press(tab, 'Let all arrive');
  await press(tab, new RegExp(`^${away}: in line$`));
  assert.equal(await last(), 'In line done');
});

await check('a follower declines a write in plain words, and the leader can be asked instead', async () => {
  await atTheEnd();
  await select('B');
  await press(tab, 'Write');
  assert.match((await place(tab)).words, /B refuses a write: this replica is not the leader$/);
  assert.equal(await complaint(tab), '');
  assert.equal(await tab.$eval('.tick.broken', (mark) => mark.getAttribute('d')), '');
  await press(tab, 'Write on A');
  assert.match(await lastLine(), /^at you write A \S+$/);
  assert.deepEqual(await findAll(tab, 'button', 'Write on A'), []);
});

await check('a request for a vote that is ignored is told', async () => {
  await openPlayground(tab, server.site, 'replication');
  await (await find(tab, 'DisclosureTriangle', /Rules/)).click();
  await press(tab, /^Pre-vote/, 'checkbox');
  await key(tab, 'End');
  await select('C');
  await press(tab, 'Time out');
  await choose(tab, 'Message in flight', (await find(tab, 'combobox', 'Message in flight')).told.value);
  await press(tab, 'Deliver');
  assert.match((await place(tab)).words, /ignores/);
  await press(tab, 'Events', 'tab');
  await until(() => tab.evaluate(() => document.body.innerText.includes('does not answer')), 'the event');
});

await check('a read is asked', async () => {
  await atTheEnd();
  await select('A');
  await press(tab, 'Read');
  assert.match(await lastLine(), /^at you read A r\d+$/);
  await press(tab, 'Let all arrive');
});

await check('a node that is timed out stands for election', async () => {
  await atTheEnd();
  await select('C');
  await press(tab, 'Time out');
  assert.match((await nodes(tab)).C.role, /candidate/);
});

await check('a link is cut, a node isolated, and all is healed', async () => {
  await atTheEnd();
  await choose(tab, 'One end of the link', 'A');
  await choose(tab, 'The other end of the link', 'C');
  await press(tab, 'Cut');
  assert.equal(await lastLine(), 'at you cut A C');
  await press(tab, 'Heal');
  assert.equal(await lastLine(), 'at you heal A C');
  await press(tab, /^Isolate/);
  assert.match(await lastLine(), /^at you isolate/);
  await press(tab, 'Heal all');
  assert.equal(await lastLine(), 'at you heal all');
});

for (const [button, line] of [['Deliver', 'deliver'], ['Drop', 'drop'], ['Delay', 'delay'], ['Duplicate', 'again']])
  await check(`a message in flight: ${button}`, async () => {
    await atTheEnd();
    await select('A');
    await press(tab, 'Write');
    const flying = async () =>
      (await find(tab, 'combobox', 'Message in flight')).evaluate((list) => list.options.length);
    const before = await flying();
    assert.ok(before >= 2);
    await press(tab, button);
    assert.match(await lastLine(), new RegExp(`^at you ${line} #\\d+`));
    const after = await flying();
    if (button === 'Drop') assert.equal(after, before - 1);
    if (button === 'Duplicate') assert.equal(after, before + 1);
    assert.equal(await complaint(tab), '');
  });

await check('how long messages take is said and chosen, and those that are sent then take as long', async () => {
  await atTheEnd();
  const chosen = async () => (await find(tab, 'combobox', 'Each message takes')).told.value;
  assert.equal(await chosen(), '10 ms');
  await choose(tab, 'Each message takes', '300 ms');
  assert.equal(await chosen(), '300 ms');
  assert.equal(await lastLine(), 'at you flow 0ms latency 300ms');
  await key(tab, 'ArrowLeft');
  assert.equal(await chosen(), '10 ms');
  const left = await tab.evaluate(async (text) => {
    const { PlaygroundSource } = await import('./web/playground.js');
    const source = await PlaygroundSource.open(`${text}at you write A x=9\n`);
    const [{ sent_us, due_us }] = source.view(source.length - 1).flying;
    source.close();
    return due_us - sent_us;
  }, await storyText(tab));
  assert.equal(left, 300000);
});

await check('a partition is said in words, and only a link that parts nobody has a mark', async () => {
  const note = () => tab.$eval('.ring-panel .note', (words) => words.textContent);
  const marks = () => tab.$$eval('.ring .cross', (all) => all.filter((mark) => mark.getAttribute('d')).length);
  await atTheEnd();
  await press(tab, 'Cut');
  assert.deepEqual([await note(), await marks()], ['', 1]);
  await press(tab, /^Isolate A/);
  assert.deepEqual([await note(), await marks()], ['Parted: A | B C', 0]);
  await press(tab, 'Heal all');
  assert.deepEqual([await note(), await marks()], ['', 0]);
});

await check('acting in the past forks the story, and Undo takes it back', async () => {
  await openPlayground(tab, server.site, 'replication');
  const before = await storyText(tab);
  await tab.keyboard.down('Shift');
  await key(tab, 'ArrowRight');
  await key(tab, 'ArrowRight');
  await tab.keyboard.up('Shift');
  await select('B');
  await press(tab, 'Crash');
  const forked = await storyText(tab);
  assert.ok(!forked.includes('at heartbeat'), forked);
  assert.match(forked, /at you +crash B\n?$/);
  assert.equal((await place(tab)).step, (await place(tab)).last);
  await press(tab, 'Undo');
  await until(async () => (await storyText(tab)) === before, 'the story of before');
});

await check('in the midst of a line one acts at the step that is shown', async () => {
  await openPlayground(tab, server.site, 'replication');
  for (let k = 0; k < 4; k++) await key(tab, 'ArrowRight');
  const { step } = await place(tab);
  await select('A');
  await press(tab, 'Crash');
  assert.match(await storyText(tab), /\nat you first 1 of elect A term 1 .*\nat you crash A\n$/);
  assert.ok((await place(tab)).last < step + 6, 'the election was over');
});

await check('the rules are changed, and the story is played again by them', async () => {
  await openPlayground(tab, server.site, 'figure-8');
  await (await find(tab, 'DisclosureTriangle', /Rules/)).click();
  await press(tab, /^Commit only the own term/, 'checkbox');
  await key(tab, 'End');
  await until(async () => /Safety is broken: [A-Z]/.test(await complaint(tab)), 'the broken rule');
  assert.match(await storyText(tab), /^option +commit-any-term +unsafe$/m);
});

await check("rules that are not the server's are named in words", async () => {
  const name = async () => (await find(tab, 'DisclosureTriangle', /Rules/)).told.name;
  await openPlayground(tab, server.site);
  assert.match(await name(), /^Rules: no pre-vote, no check quorum\b/);
  await (await find(tab, 'DisclosureTriangle', /Rules/)).click();
  assert.match((await find(tab, 'checkbox', /^Pre-vote/)).told.name, /in the server it is on/);
  await openPlayground(tab, server.site, 'replication');
  assert.match(await name(), /^Rules\W*$/);
});

await check('pre-vote, check-quorum and the repair are switched', async () => {
  await openPlayground(tab, server.site, 'figure-7');
  await (await find(tab, 'DisclosureTriangle', /Rules/)).click();
  await press(tab, /^Pre-vote/, 'checkbox');
  await press(tab, /^Check quorum/, 'checkbox');
  await choose(tab, /^Repair of logs/, "the paper's");
  const text = await storyText(tab);
  assert.match(text, /^option +pre-vote +off$/m);
  assert.match(text, /^option +check-quorum +off$/m);
  assert.match(text, /^option +repair +one$/m);
});

await check('a shared link opens the same story at the same step', async () => {
  await atTheEnd('figure-7');
  await press(tab, 'Crash');
  const text = await storyText(tab);
  const { step } = await place(tab);
  const address = await tab.evaluate(() => location.href);
  await (await find(tab, 'DisclosureTriangle', /^Share/)).click();
  const field = await find(tab, 'textbox', 'The link');
  const link = await until(() => field.evaluate(({ value }) => value.includes('#text=') && value), 'the link');
  assert.equal(await tab.evaluate(() => location.href), address);
  const other = await openTab(browser);
  await other.goto(link);
  await until(async () => (await place(other).catch(() => ({}))).step === step, 'the step');
  assert.equal(await storyText(other), text);
  await mustBeQuiet(other);
  await other.close();
});

await check(
  'what floats over the page closes with a click elsewhere, with Escape, and when the focus leaves it',
  async () => {
    await openPlayground(tab, server.site, 'replication');
    for (const [name, leave] of [
      [/Rules/, () => tab.mouse.click(5, 400)],
      [/Rules/, () => tab.keyboard.press('Escape')],
      [
        /Rules/,
        async () => {
          await tab.evaluate(() => document.activeElement.blur());
          await tab.keyboard.press('Escape');
        },
      ],
      [/Rules/, () => tab.focus('[role=slider]')],
      [/^Share/, () => tab.keyboard.press('Escape')],
    ]) {
      const isOpen = () => tab.evaluate(() => document.querySelectorAll('details.menu[open]').length);
      await (await find(tab, 'DisclosureTriangle', name)).click();
      await until(isOpen, `${name} open`);
      await leave();
      await until(async () => !(await isOpen()), `${name} closed`);
    }
  },
);

await check('a link to what is not here is answered with what is', async () => {
  const other = await openTab(browser);
  await openPlayground(other, server.site, 'nosuch');
  assert.match(await complaint(other), /no lesson and no scenario named nosuch/);
  for (const lesson of lessons) await find(other, 'button', lesson.title.en);
  await openPlayground(other, server.site, 'split-vote');
  await other.evaluate(() => (location.hash = 'nosuch'));
  await until(async () => /named nosuch/.test(await complaint(other)), 'the words');
  await mustBeQuiet(other);
  await other.close();
});

await check('a damaged link is refused in words', async () => {
  await openPlayground(tab, server.site, 'text=abc');
  assert.match(await complaint(tab), /damaged/);
});

await check('a story is saved as a file, and opened again', async () => {
  await atTheEnd('split-vote');
  await press(tab, 'Crash');
  const text = await storyText(tab);
  const session = await tab.createCDPSession();
  await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: downloads });
  await press(tab, 'Save');
  const saved = await until(() => readdirSync(downloads).find((file) => file.endsWith('.txt')), 'the file');
  await until(() => readFileSync(join(downloads, saved), 'utf8') === text, 'its text');
  await openPlayground(tab, server.site, 'figure-7');
  const [chooser] = await Promise.all([tab.waitForFileChooser(), press(tab, 'Open')]);
  await chooser.accept([join(downloads, saved)]);
  await until(async () => (await storyText(tab)) === text, 'the story');
});

await check('a file that is no story is refused with its line, and the old story stays', async () => {
  await openPlayground(tab, server.site, 'figure-7');
  const before = await storyText(tab);
  const path = join(downloads, 'no-story.txt');
  writeFileSync(path, 'nodes A B C\nat x explode A\n');
  const [chooser] = await Promise.all([tab.waitForFileChooser(), press(tab, 'Open')]);
  await chooser.accept([path]);
  await until(async () => /line 2.*explode/.test(await complaint(tab)), 'the complaint');
  assert.equal(await storyText(tab), before);
});

await check('the text is changed, and played', async () => {
  await openPlayground(tab, server.site, 'first-election');
  await press(tab, 'Text');
  const area = await find(tab, 'textbox', "The story's text");
  await area.evaluate((field) => (field.value = ''));
  await area.type('nodes X Y Z\nat go campaign Y\n');
  await press(tab, 'Play this text');
  await until(async () => 'Y' in (await nodes(tab)), 'the node Y');
});

// ---- back, and again

const scenarioShown = async () => (await find(tab, 'combobox', 'Scenario')).evaluate((list) => list.value);
const hasStory = (text) => until(async () => (await storyText(tab)) === text, 'the story');
const isAt = (hash) => tab.evaluate((wanted) => location.hash === wanted, hash);
const back = () => tab.evaluate(() => history.back());

async function reload() {
  await tab.reload();
  await until(async () => (await place(tab).catch(() => ({ last: 0 }))).last > 0, 'a story');
}

await check('what was done is there after a reload, at the step that was shown', async () => {
  await atTheEnd('replication');
  await press(tab, 'Crash');
  const text = await storyText(tab);
  await key(tab, 'ArrowLeft');
  await key(tab, 'ArrowLeft');
  await key(tab, 'ArrowLeft');
  const { step } = await place(tab);
  await reload();
  await hasStory(text);
  assert.equal((await place(tab)).step, step);
  assert.equal(await scenarioShown(), 'replication');
  assert.ok(await isAt('#replication'));
});

await check('rules that were changed are, after a reload, still others than the words were written for', async () => {
  await openPlayground(tab, server.site, 'replication');
  await (await find(tab, 'DisclosureTriangle', /Rules/)).click();
  await press(tab, /^Pre-vote/, 'checkbox');
  await reload();
  await key(tab, 'End');
  assert.match(await tab.$eval('.narration', (words) => words.textContent), /^Of the story as it was written/);
});

await check('Back leads to the scenario before, with what was done in it, and Forward to the one after', async () => {
  await openPlayground(tab, server.site, 'leader-election');
  await key(tab, 'End');
  await press(tab, 'Crash');
  const first = await storyText(tab);
  await choose(tab, 'Scenario', 'A split vote');
  await until(() => isAt('#split-vote'), '#split-vote');
  await key(tab, 'End');
  await press(tab, /^Isolate/);
  const second = await storyText(tab);
  await back();
  await hasStory(first);
  assert.ok(await isAt('#leader-election'));
  await find(tab, 'heading', 'Leader election');
  await tab.evaluate(() => history.forward());
  await hasStory(second);
  assert.ok(await isAt('#split-vote'));
});

await check("Back leads from a lesson's scenario to the lesson's own, and from a lesson to the list", async () => {
  await openPlayground(tab, server.site);
  await press(tab, '1. Leader election');
  await find(tab, 'heading', 'Leader election');
  await press(tab, /In this cluster of four$/);
  await until(async () => (await scenarioShown()) === 'split-vote', 'the scenario');
  await reload();
  assert.equal(await scenarioShown(), 'split-vote');
  await find(tab, 'heading', 'Leader election');
  await back();
  await until(async () => (await scenarioShown()) === 'first-election', 'the scenario of before');
  await find(tab, 'heading', 'Leader election');
  await back();
  await find(tab, 'button', '1. Leader election');
  assert.ok(await isAt(''));
});

await check("Back leads from a text of one's own to the scenario before", async () => {
  await atTheEnd('first-election');
  const before = await storyText(tab);
  await press(tab, 'Text');
  const area = await find(tab, 'textbox', "The story's text");
  await area.evaluate((field) => (field.value = ''));
  await area.type('nodes X Y Z\n');
  await press(tab, 'Play this text');
  await until(async () => 'Y' in (await nodes(tab)), 'the node Y');
  await press(tab, 'Text');
  assert.ok(await isAt(''));
  await back();
  await hasStory(before);
});

await check('Back, and Back again before the first has come, ends where it should', async () => {
  await atTheEnd('replication');
  await press(tab, 'Crash');
  const text = await storyText(tab);
  await choose(tab, 'Scenario', 'A split vote');
  await until(() => isAt('#split-vote'), '#split-vote');
  await choose(tab, 'Scenario', 'Figure 7');
  await until(async () => (await scenarioShown()) === 'figure-7', 'figure-7');
  await tab.evaluate(() => (history.back(), history.back()));
  await hasStory(text);
  await reload();
  await hasStory(text);
});

// ---- the keyboard

// Presses Tab until the focus is on what has this role and name.
async function tabTo(role, name) {
  for (let k = 0; k < 150; k++) {
    await tab.keyboard.press('Tab');
    const focused = (await findAll(tab, role, name)).find((element) => element.focused);
    if (focused) return;
  }
  assert.fail(`Tab does not come to ${role} ${name}`);
}

await check('by the keyboard alone: step, play, act, choose a node, open a lesson', async () => {
  await openPlayground(tab, server.site, 'replication');
  await tab.keyboard.press('End');
  const end = await place(tab);
  assert.equal(end.step, end.last);
  await tab.keyboard.press('Home');
  await tab.keyboard.press('ArrowRight');
  assert.equal((await place(tab)).step, 1);
  await tab.keyboard.press('ArrowLeft');
  assert.equal((await place(tab)).step, 0);
  await tab.keyboard.press('End');
  await tabTo('button', /^C, follower/);
  await tab.keyboard.press('Enter');
  await tabTo('button', 'Crash');
  await tab.keyboard.press('Enter');
  assert.equal((await nodes(tab)).C.role, 'down');
  await tabTo('tab', 'Node');
  await tab.keyboard.press('ArrowRight');
  assert.ok((await findAll(tab, 'tab', 'Events'))[0].selected);
  await tabTo('slider', 'Place in the story');
  await tab.keyboard.press('PageUp');
  assert.ok((await place(tab)).step < (await place(tab)).last);
});

await check('? lists the keys, Escape closes the list, and the focus is where it was', async () => {
  await openPlayground(tab, server.site, 'replication');
  await tabTo('button', 'Step on');
  await tab.keyboard.press('?');
  await find(tab, 'dialog', 'Keys');
  await tab.keyboard.press('Escape');
  await until(async () => (await findAll(tab, 'dialog')).length === 0, 'no dialog');
  assert.ok((await findAll(tab, 'button', 'Step on'))[0].focused);
});

await check('the logs have a table that says what the picture says', async () => {
  await atTheEnd('figure-7');
  await press(tab, 'As a table');
  const rows = await tab.$$eval('tr', (all) => all.map((row) => row.textContent));
  const row = rows.find((words) => /^\s*f/.test(words) && words.includes('Entry 1,'));
  const terms = [...row.matchAll(/Entry \d+, term (\d+)/g)].map(([, term]) => term);
  assert.equal(terms.join(' '), '1 1 1 4 4 5 5 6 6 6 8');
});

await check('nothing went wrong meanwhile', () => mustBeQuiet(tab));

await browser.close();
await server.stop();
rmSync(downloads, { recursive: true });
finish();
