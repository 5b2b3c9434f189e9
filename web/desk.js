// desk.js - the page of a playground: which story lies on the desk, and how another gets there.
import { Page } from './page.js';
import { endOfLine } from './steps.js';
import { placeOf } from './story.js';

const SCENARIOS = new URL('scenarios/', import.meta.url);
const UNDO_MAX = 50;

const rulesOf = (source) => JSON.stringify(source.view(0).options);

export class Desk extends Page {
  name = ''; // Of the scenario that was loaded; empty if the story is the reader's own.
  scenarios = [];
  lessons = [];
  lesson = null; // The one that is read, by its id; null: the list of all.
  lessonsAreOpen = false;
  past = []; // What undo() goes back to: texts with the branches played, and the steps that were shown.
  says = {}; // By language: what stories say, and how that is said in it.

  // `open` makes a source of a text and the branch to play.
  constructor(reader, open) {
    super(reader);
    this.open = open;
  }

  // What the story is about, if the server's list says so.
  get opening() {
    return this.scenarios.find(({ file }) => file === `${this.name}.txt`)?.text?.[this.language] ?? '';
  }

  async listScenarios() {
    const [list, says] = await Promise.all(['index.json', 'zh.json'].map((file) => fetch(new URL(file, SCENARIOS))));
    if (list.ok) this.scenarios = await list.json();
    if (says.ok) this.says = { zh: await says.json() };
  }

  said(words) {
    return this.says[this.language]?.[words] ?? words;
  }

  change(make) {
    const before = { text: this.source.text, branch: this.source.branch, step: this.position };
    this.player.stop();
    if (!super.change(make)) {
      if (this.source.text !== before.text) void this.#restore(before);
      return false;
    }
    this.past = [...this.past.slice(1 - UNDO_MAX), before];
    this.onupdate();
    return true;
  }

  async undo() {
    const before = this.past.at(-1);
    if (!before) return;
    this.past = this.past.slice(0, -1);
    this.player.stop();
    await this.#restore(before);
  }

  async #restore({ text, branch, step }) {
    this.show(await this.open(text, branch), step);
  }

  // Lays a story on the desk. What the player does not understand goes to the reader, and the old story stays.
  async load(text, origin) {
    const failure = await this.tryLoad(text, origin);
    if (failure) this.oncomplain(failure);
    return !failure;
  }

  // The player's words if it does not understand the text, else null. Of a story with branches one is played, the first
  // if none is named.
  async tryLoad(text, { name = '', branch = null, step = 0, rules = null }) {
    this.player.stop();
    try {
      const source = await this.open(text, branch);
      Object.assign(this, { past: [], name, selected: null, rules: rules ?? rulesOf(source) });
      this.show(source, step);
      return null;
    } catch (error) {
      return error.message;
    }
  }

  async useBranch(branch) {
    return this.load(this.source.text, { name: this.name, branch, rules: this.rules });
  }

  // What lies on the desk, lesson and all: what takeUp() lays there again.
  get laid() {
    const { source, position, name, rules, lesson, lessonsAreOpen } = this;
    return { text: source.text, branch: source.branch, step: position, name, rules, lesson, lessonsAreOpen };
  }

  // Whether the player still understands the story.
  async takeUp({ text, lesson, lessonsAreOpen, ...origin }) {
    if (await this.tryLoad(text, origin)) return false;
    this.lesson = lesson;
    this.toggleLessons(lessonsAreOpen);
    return true;
  }

  toggleLessons(open = !this.lessonsAreOpen) {
    this.lessonsAreOpen = open;
    this.onupdate();
  }

  // Whether other rules are played than the story's words were written for.
  get hasOtherRules() {
    return this.rules !== rulesOf(this.source);
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

  // To where the story's steps of this name end; if another branch has them, that one is played.
  async goToLabel(label) {
    const { text, branch } = this.source;
    const place = placeOf(text, label, branch);
    if (!place) return this.oncomplain(this.t('error.step', label));
    if (place.branch !== null && place.branch !== branch) await this.useBranch(place.branch);
    this.player.stop();
    this.go(endOfLine(this.source, place.line));
  }

  play() {
    this.player.toggle();
  }
}
