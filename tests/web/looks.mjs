// How the page is, whatever it shows: accessible (axe-core) in both themes at three widths, without a request to
// anywhere else, within its policy, at rest when nothing happens, and small.
//
//   node looks.mjs BINARY [--port 22300]
//
// FL_SCREENSHOTS=DIR: pictures of it are written there.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { violations } from './axe.mjs';
import {
  check, choose, find, findAll, finish, key, launch, learn, mustBeQuiet, openPlayground, openTab, press, until,
} from './browser.mjs';

const [binary, ...options] = process.argv.slice(2);
const port = options[0] === '--port' ? Number(options[1]) : 22300;
const pictures = process.env.FL_SCREENSHOTS;
const SIZES = [[360, 780], [1024, 768], [1920, 1080]];
const THEMES = ['light', 'dark'];
const BYTES_MAX = 300 * 1024;
const REST_MS = 2000;

const server = await learn(binary, port);
const browser = await launch();
if (pictures) mkdirSync(pictures, { recursive: true });

const shoot = (tab, name) => pictures && tab.screenshot({ path: join(pictures, `${name}.png`) });

// ---- accessible

// What somebody may look at: each is a state of the page, and the picture's name.
const LOOKS = {
  lessons: (tab) => openPlayground(tab, server.site),
  lesson: (tab) => openPlayground(tab, server.site, 'repairing-inconsistent-logs'),
  repair: async (tab) => {
    await openPlayground(tab, server.site, 'figure-7');
    await key(tab, 'End');
  },
  broken: async (tab) => {
    await openPlayground(tab, server.site, 'figure-8-unsafe');
    await key(tab, 'End');
    await press(tab, 'Safety', 'tab');
  },
  text: async (tab) => {
    await openPlayground(tab, server.site, 'partitioned-leader');
    await key(tab, 'End');
    await press(tab, 'Text');
    await press(tab, 'Events', 'tab');
  },
  table: async (tab) => {
    await openPlayground(tab, server.site, 'figure-7');
    await press(tab, 'As a table');
    await press(tab, 'Keys', 'tab');
  },
};

for (const [width, height] of SIZES)
  for (const theme of THEMES)
    await check(
      `axe-core finds nothing at ${width} pixels, ${theme}, and nothing is wider than the window`,
      async () => {
        const tab = await openTab(browser, { width, height, theme });
        const found = [];
        for (const [name, look] of Object.entries(LOOKS)) {
          await look(tab);
          await shoot(tab, `${name}-${width}-${theme}`);
          found.push(...(await violations(tab)).map((line) => `${name}: ${line}`));
          const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          if (wide > 0) found.push(`${name}: ${wide} pixels too wide`);
        }
        await mustBeQuiet(tab);
        await tab.close();
        assert.deepEqual(found, []);
      },
    );

// What of the page's cards is cut off by the edge of what scrolls: half a button can still be pressed.
function hiddenParts() {
  const { top, bottom } = document.querySelector('.work').getBoundingClientRect();
  const isSeen = (element) => {
    const { top: above, bottom: below } = element.getBoundingClientRect();
    const middle = (above + below) / 2;
    return top < middle && middle < bottom;
  };
  const wanted = [...document.querySelectorAll('.matrix .row, .ring .node, .actions :is(button, select, input)')];
  return wanted
    .filter((element) => element.checkVisibility() && !isSeen(element))
    .map((element) => element.textContent);
}

for (const language of ['en', 'zh'])
  await check(
    `beside a lesson stand logs, ring and actions, and none is below the fold of 1280 by 900 (${language})`,
    async () => {
      const tab = await openTab(browser, { width: 1280, height: 900, language });
      for (const lesson of [
        'leader-election',
        'state-machine-replication',
        'log-replication',
        'repairing-inconsistent-logs',
      ]) {
        await openPlayground(tab, server.site, lesson);
        await shoot(tab, `${lesson}-1280-${language}`);
        assert.deepEqual(await tab.evaluate(hiddenParts), [], lesson);
      }
      await tab.close();
    },
  );

// Whether an element's middle is seen, and nothing before it.
const isSeen = (element) => {
  const { left, top, width, height } = element.getBoundingClientRect();
  return element.contains(document.elementFromPoint(left + width / 2, top + height / 2));
};

for (const [width, height] of [[360, 780], [768, 1024]])
  await check(`what a lesson's link does is seen together with the link, at ${width} pixels`, async () => {
    const tab = await openTab(browser, { width, height });
    await openPlayground(tab, server.site, 'leader-election');
    await find(tab, 'heading', 'Leader election');
    await press(tab, /A's timer ends first$/);
    await shoot(tab, `lesson-link-${width}`);
    assert.ok(await (await find(tab, 'button', /A's timer ends first$/)).evaluate(isSeen), 'the link');
    assert.ok(await (await tab.$('.matrix .row.role-candidate')).evaluate(isSeen), 'the candidate');
    await tab.close();
  });

await check('on a low window a lesson has all of it', async () => {
  const tab = await openTab(browser, { width: 740, height: 360 });
  await openPlayground(tab, server.site, 'leader-election');
  assert.equal(await tab.$eval('.work', (work) => getComputedStyle(work).position), 'static');
  await tab.close();
});

await check('axe-core finds nothing in Chinese, in the rules and in the list of keys', async () => {
  const tab = await openTab(browser, { language: 'zh' });
  await openPlayground(tab, server.site, 'repairing-inconsistent-logs');
  await shoot(tab, 'chinese-1920-light');
  const found = await violations(tab);
  await (await find(tab, 'DisclosureTriangle', /规则/)).click();
  found.push(...(await violations(tab)));
  await key(tab, 'Escape');
  await tab.keyboard.press('?');
  await until(async () => (await findAll(tab, 'dialog')).length > 0, 'the dialog');
  found.push(...(await violations(tab)));
  await tab.close();
  assert.deepEqual(found, []);
});

await check('who asked for reduced motion sees none', async () => {
  const tab = await openTab(browser);
  await tab.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
  await openPlayground(tab, server.site, 'first-election');
  await press(tab, 'Play');
  await pause(1500);
  assert.equal(await tab.evaluate(() => document.getAnimations().length), 0);
  await tab.close();
});

// ---- at home

await check('no request leaves the server, and its policy forbids nothing that the page does', async () => {
  const tab = await openTab(browser);
  await openPlayground(tab, server.site, 'leader-election');
  await key(tab, 'End');
  const strangers = [...tab.requests].filter(
    (url) => !url.startsWith(`${server.site}/`) && !/^(about|blob|data):/.test(url),
  );
  assert.deepEqual(strangers, []);
  await mustBeQuiet(tab);
  await tab.close();
});

// ---- at rest

// Counts what runs, from the beginning of the document on.
function countWhatRuns() {
  window.ran = { frames: 0, timers: 0 };
  const counted = (make, what) => (call, ...rest) => make.call(window, (...values) => {
    window.ran[what]++;
    call(...values);
  }, ...rest);
  window.requestAnimationFrame = counted(window.requestAnimationFrame, 'frames');
  window.setTimeout = counted(window.setTimeout, 'timers');
  window.setInterval = counted(window.setInterval, 'timers');
}

const WORK = ['LayoutCount', 'RecalcStyleCount', 'ScriptDuration'];

async function work(session, tab) {
  const { metrics } = await session.send('Performance.getMetrics');
  const counts = metrics.filter(({ name }) => WORK.includes(name)).map(({ name, value }) => [name, value]);
  return { ...Object.fromEntries(counts), ...(await tab.evaluate(() => ({ ...window.ran }))) };
}

async function checkRest(tab) {
  const session = await tab.createCDPSession();
  await session.send('Performance.enable');
  await work(session, tab); // The first one runs a script of its own.
  await pause(500);
  const before = await work(session, tab);
  await pause(REST_MS);
  const after = await work(session, tab);
  const script = after.ScriptDuration - before.ScriptDuration; // That of the measurement itself.
  assert.ok(script < 0.005, `scripts ran for ${script} s`);
  delete before.ScriptDuration;
  delete after.ScriptDuration;
  assert.deepEqual(after, before);
}

await check('a page in which nothing happens does nothing', async () => {
  const tab = await openTab(browser);
  await tab.evaluateOnNewDocument(countWhatRuns);
  for (const wanted of ['', 'leader-election', 'figure-7']) {
    await openPlayground(tab, server.site, wanted);
    await checkRest(tab);
  }
  await key(tab, 'End');
  await checkRest(tab);
  await choose(tab, 'Speed', '1×');
  await press(tab, 'Play');
  await pause(300);
  assert.ok((await tab.evaluate(() => window.ran.frames)) > 0, 'what counts does not count');
  await press(tab, 'Pause');
  await checkRest(tab);
  await tab.close();
});

// ---- small

await check('page and core are smaller than 300 kB together', async () => {
  const tab = await openTab(browser);
  await openPlayground(tab, server.site);
  const { sent, whole } = await tab.evaluate(() => {
    const loaded = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    const page = loaded.filter(({ name }) => !/\/(scenarios|learn)\/|mode\.json$/.test(name));
    const sum = (field) => page.reduce((all, one) => all + one[field], 0);
    return { sent: sum('encodedBodySize'), whole: sum('decodedBodySize') };
  });
  console.log(`        ${Math.round(sent / 1024)} kB sent, ${Math.round(whole / 1024)} kB unpacked`);
  assert.ok(sent < BYTES_MAX, `${sent} bytes`);
  await tab.close();
});

await check('the first paint comes', async () => {
  const tab = await openTab(browser);
  await openPlayground(tab, server.site);
  const paint = await until(
    () => tab.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime), 'a paint');
  const ready = await tab.evaluate(
    () => performance.getEntriesByType('resource').findLast(({ name }) => name.endsWith('core.wasm'))?.responseEnd,
  );
  console.log(`        first paint after ${Math.round(paint)} ms, the core is there after ${Math.round(ready)} ms`);
  await tab.close();
});

await browser.close();
await server.stop();
finish();
