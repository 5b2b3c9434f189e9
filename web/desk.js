// desk.js - the page of a playground: which story lies on the desk, and how another gets there.
import { Page } from './page.js';
import { endOfLine } from './steps.js';
import { branches, choose, lineAt } from './story.js';

const SCENARIOS = new URL('scenarios/', import.meta.url);
const UNDO_MAX = 50;

export class Desk extends Page {
  story = { text: '', name: '', branch: '' }; // As it was loaded, with all its branches.
  scenarios = [];
  lessons = [];
  past = []; // What undo() goes back to: texts, and the steps that were shown.

  // `open` makes a source of a text.
  constructor(reader, open) {
    super(reader);
    this.open = open;
  }

  // What the story is about, if the server's list says so.
  get opening() {
    return this.scenarios.find(({ file }) => file === `${this.story.name}.txt`)?.text?.[this.language] ?? '';
  }

  async listScenarios() {
    const answer = await fetch(new URL('index.json', SCENARIOS));
    if (answer.ok) this.scenarios = await answer.json();
  }

  change(make) {
    const before = { text: this.source.text, step: this.position };
    this.player.stop();
    if (!super.change(make)) return false;
    this.past = [...this.past.slice(1 - UNDO_MAX), before];
    this.onupdate();
    return true;
  }

  async undo() {
    const before = this.past.at(-1);
    if (!before) return;
    this.past = this.past.slice(0, -1);
    this.player.stop();
    this.show(await this.open(before.text), before.step);
  }

  // Lays a story on the desk. What the player does not understand goes to the reader, and the old story stays.
  async load(text, origin) {
    const failure = await this.tryLoad(text, origin);
    if (failure) this.oncomplain(failure);
    return !failure;
  }

  // The player's words if it does not understand the text, else null. Of a story with branches one is played, the first
  // if none is named: a story that is to go on must have one end.
  async tryLoad(text, { name = '', branch, step = 0 }) {
    const names = branches(text);
    const chosen = names.some((one) => one.name === branch) ? branch : (names[0]?.name ?? '');
    this.player.stop();
    try {
      const source = await this.open(chosen ? choose(text, chosen) : text);
      this.past = [];
      this.story = { text, name, branch: chosen };
      this.selected = null;
      this.show(source, step);
      return null;
    } catch (error) {
      return error.message;
    }
  }

  // A scenario that the server has, by its file's name without the ending.
  async loadNamed(name) {
    const failure = await this.tryNamed(name);
    if (failure) this.oncomplain(failure);
    return !failure;
  }

  async tryNamed(name) {
    const answer = /^[\w-]+$/.test(name) ? await fetch(new URL(`${name}.txt`, SCENARIOS)) : { ok: false };
    return answer.ok ? this.tryLoad(await answer.text(), { name }) : this.t('error.scenario', name);
  }

  // To where the story's steps of this name end; a branch that has them is taken.
  async goToLabel(label) {
    if (lineAt(this.source.text, label) === 0) await this.#takeBranchWith(label);
    const line = lineAt(this.source.text, label);
    if (line === 0) return this.oncomplain(this.t('error.step', label));
    this.player.stop();
    this.go(endOfLine(this.source, line));
  }

  async #takeBranchWith(label) {
    const { text } = this.story;
    const branch = branches(text).find(({ name }) => lineAt(choose(text, name), label) > 0);
    if (branch) await this.load(text, { ...this.story, branch: branch.name });
  }

  play() {
    this.player.toggle();
  }
}
