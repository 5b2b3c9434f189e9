// What the browser's tests share: a browser, the page's server, elements found as people find them, by role and name,
// and a count of what held.
import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';

import puppeteer from 'puppeteer-core';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const WAIT_MS = 10000;

export function launch() {
  // Tests run as root in containers, where Chromium's own sandbox cannot start.
  return puppeteer.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage', '--lang=en'] });
}

// ---- a count

const counts = { passed: 0, failed: 0 };

// Runs one test; its failure is told, and ends nothing.
export async function check(name, test) {
  try {
    await test();
    counts.passed++;
    console.log(`ok      ${name}`);
  } catch (error) {
    counts.failed++;
    console.log(`FAILED  ${name}\n        ${String(error.stack ?? error).replaceAll('\n', '\n        ')}`);
  }
}

export function finish() {
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  process.exitCode = counts.failed > 0 ? 1 : 0;
}

export async function until(condition, what, ms = WAIT_MS) {
  for (const end = Date.now() + ms; Date.now() < end; await pause(25)) {
    const value = await condition();
    if (value) return value;
  }
  throw new Error(`never came: ${what}`);
}

// ---- the playground's server

// `fairlead learn`, until stop() is called.
export async function learn(binary, port) {
  const address = `127.0.0.1:${port}`;
  const child = spawn(binary, ['learn', '--web', address, '--no-open'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const isThere = new Promise((resolve) => child.stdout.once('data', () => resolve(true)));
  if (!(await Promise.race([isThere, ended.then(() => false)]))) throw new Error(`nothing is served at ${address}`);
  return { site: `http://${address}`, stop: () => child.kill() && ended };
}

// ---- a page, watched

// A tab that remembers what should not be: requests to other places, what the policy forbade, errors, alerts' words.
export async function openTab(browser, { width = 1920, height = 1080, language = 'en', theme = 'light' } = {}) {
  const tab = await browser.newPage();
  const trouble = [];
  const requests = new Set();
  await tab.setViewport({ width, height });
  await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
  tab.on('request', (request) => requests.add(request.url()));
  tab.on('pageerror', (error) => trouble.push(`error: ${error.message}`));
  tab.on('console', (line) => line.type() === 'error' && trouble.push(`console: ${line.text()}`));
  await tab.evaluateOnNewDocument((chosen) => {
    if (location.protocol !== 'about:') localStorage.setItem('fairlead-language', chosen);
    window.violations = [];
    addEventListener('securitypolicyviolation', (event) =>
      window.violations.push(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  }, language);
  return Object.assign(tab, { trouble, requests });
}

// Throws if anything happened in the tab that should not.
export async function mustBeQuiet(tab) {
  const found = [...tab.trouble, ...(await tab.evaluate(() => window.violations))];
  if (found.length > 0) throw new Error(found.join('\n'));
}

// ---- elements, by role and name

function* walk(element) {
  yield element;
  for (const child of element.children ?? []) yield* walk(child);
}

const fits = (name, wanted) => (wanted instanceof RegExp ? wanted.test(name) : name === wanted);

// What those who do not see the page are told of it: all elements with this role and name.
export async function findAll(tab, role, name = /(?:)/) {
  const tree = await tab.accessibility.snapshot();
  return [...walk(tree)].filter((element) => element.role === role && fits(element.name ?? '', name));
}

export async function find(tab, role, name) {
  const found = await until(async () => (await findAll(tab, role, name))[0], `${role} ${name}`);
  return Object.assign(await found.elementHandle(), { told: found });
}

export async function press(tab, name, role = 'button') {
  const element = await find(tab, role, name);
  if (element.told.disabled) throw new Error(`${role} ${name} cannot be pressed`);
  await element.evaluate((node) => node.scrollIntoView({ block: 'center' }));
  await element.click();
}

// Chooses by the option's words.
export async function choose(tab, name, words) {
  const list = await find(tab, 'combobox', name);
  const value = await list.evaluate(
    (select, wanted) => [...select.options].find(({ text }) => text.startsWith(wanted))?.value, words);
  if (value === undefined) throw new Error(`${name} has no ${words}`);
  await list.select(value);
}

// What an alert says, if one is there.
export function complaint(tab) {
  return tab.evaluate(() => {
    const shown = [...document.querySelectorAll('[role=alert]')].filter((one) => one.checkVisibility());
    return shown.map((one) => one.textContent.trim()).join(' ');
  });
}

// ---- the playground

// Where in the story the page is.
export function place(tab) {
  return tab.$eval('[role=slider]', (slider) => ({
    step: Number(slider.getAttribute('aria-valuenow')),
    last: Number(slider.getAttribute('aria-valuemax')),
    words: slider.getAttribute('aria-valuetext'),
  }));
}

// The nodes as the picture tells them: by name, {role, term, entries, commit}.
export async function nodes(tab) {
  const told = await findAll(tab, 'button', /, term \d+, \d+ entries, committed up to \d+/);
  return Object.fromEntries(
    told.map(({ name }) => {
      const [, node, role, ...numbers] = /^(\S+), (.+?), term (\d+), (\d+) entries, committed up to (\d+)/.exec(name);
      const [term, entries, commit] = numbers.map(Number);
      return [node, { role, term, entries, commit }];
    }),
  );
}

// Opens the playground with what stands behind the #, and waits until it can be played.
export async function openPlayground(tab, site, wanted = '') {
  await tab.goto('about:blank');
  await tab.goto(`${site}/learn${wanted ? `#${wanted}` : ''}`);
  await tab.waitForSelector('[role=slider][aria-valuemax]', { timeout: WAIT_MS });
  await until(async () => (await place(tab)).last > 0, 'a story');
}

// With no button in the way.
export async function key(tab, name) {
  await tab.evaluate(() => document.activeElement?.blur());
  await tab.keyboard.press(name);
}

// The story's text, as the page shows it.
export async function storyText(tab) {
  if ((await findAll(tab, 'textbox', "The story's text")).length === 0) await press(tab, 'Text');
  const text = await (await find(tab, 'textbox', "The story's text")).evaluate((area) => area.value);
  await press(tab, 'Text');
  return text;
}
