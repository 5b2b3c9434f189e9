// The page of a cluster that runs, in a browser: three real nodes, one of which is stopped and comes back, and what may
// be done where --web-admin allows it.
//
//   node live.mjs BINARY [--port 22400]
//
// FL_SCREENSHOTS=DIR: pictures of it are written there.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { violations } from './axe.mjs';
import {
  check,
  choose,
  complaint,
  find,
  findAll,
  finish,
  launch,
  mustBeQuiet,
  nodes,
  openTab,
  press,
  until,
} from './browser.mjs';

const [binary, ...options] = process.argv.slice(2);
const port = options[0] === '--port' ? Number(options[1]) : 22400;
const pictures = process.env.FL_SCREENSHOTS;
const WAIT_MS = 30000;
const SIZES = [[360, 780], [1024, 768], [1920, 1080]];

const run = promisify(execFile);
const home = mkdtempSync(join(tmpdir(), 'fairlead-live-'));
const directory = join(home, 'data');
const fairlead = (...words) => run(binary, [...words, '--dir', directory], { timeout: 60000 });
const site = (k) => `http://127.0.0.1:${port + 10 * (k - 1) + 2}`;
if (pictures) mkdirSync(pictures, { recursive: true });

const browser = await launch();
const tab = await openTab(browser);

async function open(address) {
  await tab.goto(`${address}/`);
  await until(async () => Object.keys(await nodes(tab)).length === 3, 'three nodes', WAIT_MS);
}

const leaderOf = (all) => Object.keys(all).find((name) => all[name].role === 'leader');
const settled = (condition, what) => until(async () => condition(await nodes(tab)), what, WAIT_MS);

await check('a cluster begins, and each node has the page of all', async () => {
  await run(binary, ['up', '3', '--port', String(port), '--dir', directory], { timeout: 60000 });
  for (const k of [1, 2, 3]) {
    await open(site(k));
    const all = await nodes(tab);
    assert.deepEqual(Object.keys(all).sort(), ['n1', 'n2', 'n3']);
    await settled((now) => leaderOf(now), 'a leader');
    assert.ok(await tab.evaluate(() => document.body.innerText.includes('LIVE')));
    assert.match(await tab.$eval('.top', (top) => top.innerText), new RegExp(`\\bas n${k} sees it`));
    const headline = await tab.$eval('.timeline .what', (line) => line.textContent);
    assert.match(headline, /became leader of term/);
    assert.ok(!headline.includes(home), headline);
  }
});

await check('who only looks cannot act', async () => {
  for (const name of ['Crash', 'Write', 'Time out', 'Cut', 'Drop'])
    assert.deepEqual(await findAll(tab, 'button', name), [], name);
});

await check('a leader that is stopped is down, another leads, and it comes back', async () => {
  await open(site(3));
  const first = leaderOf(await nodes(tab));
  const watcher = first === 'n3' ? 1 : 3;
  if (watcher !== 3) await open(site(watcher));
  await fairlead('stop', first);
  await settled((all) => all[first].role === 'down' && leaderOf(all) && leaderOf(all) !== first, 'another leader');
  const headline = () => tab.$eval('.timeline .what', (line) => line.textContent);
  await until(
    async () => new RegExp(`${first} does not answer`).test(await headline()),
    'the news of its end',
    WAIT_MS,
  );
  assert.match(await headline(), /became leader of term/);
  const marks = (name) => tab.$eval(`.timeline .strip .tick.${name}`, (path) => path.getAttribute('d'));
  for (const name of ['crash', 'leader']) assert.notEqual(await marks(name), '', name);
  await fairlead('start', first);
  await settled((all) => all[first].role === 'follower', 'its return');
  if (!pictures) return;
  for (const [width, height] of SIZES) {
    await tab.setViewport({ width, height });
    await tab.screenshot({ path: join(pictures, `live-${width}.png`) });
  }
});

await check('axe-core finds nothing on the live page, in each theme and language', async () => {
  const found = [];
  for (const theme of ['light', 'dark'])
    for (const language of ['en', 'zh']) {
      const other = await openTab(browser, { theme, language });
      await other.goto(`${site(2)}/`);
      await until(
        () => other.evaluate(() => document.querySelectorAll('.ring .node').length === 3),
        'three nodes',
        WAIT_MS,
      );
      found.push(...(await violations(other)).map((line) => `${theme} ${language}: ${line}`));
      await mustBeQuiet(other);
      await other.close();
    }
  assert.deepEqual(found, []);
});

await check('the page of a node that went away says so, and goes on when it is back', async () => {
  await open(site(2));
  tab.trouble.length = 0;
  await fairlead('stop', 'n2');
  await until(() => tab.evaluate(() => /connection lost/i.test(document.body.innerText)), 'the words', WAIT_MS);
  const shown = () =>
    tab.evaluate(() => [document.querySelector('.badge').textContent, document.body.classList.contains('is-lost')]);
  assert.deepEqual(await shown(), ['NOT CONNECTED', true]);
  assert.match(await tab.$eval('.timeline .where', (words) => words.textContent), /^last seen at /);
  await fairlead('start', 'n2');
  await until(() => tab.evaluate(() => !/connection lost/i.test(document.body.innerText)), 'the connection', WAIT_MS);
  assert.deepEqual(await shown(), ['LIVE', false]);
  // The browser's own words.
  tab.trouble = tab.trouble.filter((line) => !/ERR_CONNECTION|ERR_INCOMPLETE|net::/.test(line));
});

await check('with --web-admin one writes and times a node out', async () => {
  await fairlead('down');
  await run(binary, ['up', '3', '--port', String(port), '--dir', directory, '--', '--web-admin', 'loopback'], {
    timeout: 60000,
  });
  await open(site(1));
  await settled((all) => leaderOf(all), 'a leader');
  const all = await nodes(tab);
  const before = Math.max(...Object.values(all).map(({ entries }) => entries));
  const input = await find(tab, 'textbox', 'key=value to write');
  await input.evaluate((field) => field.select());
  await input.type('colour=dark  red; #2');
  await press(tab, 'Write');
  await settled((now) => Object.values(now).every(({ commit }) => commit > before), 'the write');
  const { stdout } = await run(binary, ['cli', '--dir', directory, 'GET', 'colour'], { timeout: 60000 });
  assert.match(stdout, /dark {2}red; #2/);
  const follower = Object.keys(all).find((name) => all[name].role === 'follower');
  await choose(tab, 'Selected node', follower);
  await press(tab, 'Time out');
  const notice = () => tab.$eval('.notice', (words) => words.textContent);
  await until(async () => (await notice()).startsWith(`${follower} was asked to stand for election`), 'the answer');
  await press(tab, 'Events', 'tab');
  const told = () => tab.$eval('[role=tabpanel]:not([hidden])', (panel) => panel.innerText);
  // Its leader lives, so the others refuse their pre-votes; but it has asked.
  await until(async () => new RegExp(`${follower} .*could win`).test(await told()), 'its campaign', WAIT_MS);
  assert.equal(await complaint(tab), '');
});

await check('no request left the cluster, and nothing was forbidden', async () => {
  const strangers = [...tab.requests].filter((url) => !/^http:\/\/127\.0\.0\.1:|^about:/.test(url));
  assert.deepEqual(strangers, []);
  await mustBeQuiet(tab);
});

await browser.close();
await fairlead('down').catch(() => null);
rmSync(home, { recursive: true });
finish();
