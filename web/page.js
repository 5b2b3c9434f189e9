// page.js - what all panels share: the source, the step that is shown, what is selected, the reader's language.
//
// A panel reads these and redraws in update(); it changes them only through the methods here, each of which ends in one
// call of `onupdate`. What concerns only a playground (its story, undoing, loading) is in desk.js.
import { sentence } from './panels/sentences.js';
import { translate } from './strings.js';

// What is read out while the story plays by itself; a step taken by hand is always read out.
const NOTABLE = new Set([
  'leader',
  'candidate',
  'ignored',
  'conflict',
  'truncated',
  'fetched',
  'quorum-lost',
  'crashed',
  'restarted',
  'silent',
  'answers',
  'opened',
  'cut',
  'healed',
  'broken',
  'say',
  'not-held',
  'damaged',
  'failed',
  'repaired',
  'data-loss',
  'contradiction',
]);
const ANNOUNCED_MAX = 3; // Events at a time.

export class Page {
  source = null;
  position = 0;
  view = null;
  events = [];
  before = null;
  now = 0; // The moment shown, in microseconds: between two steps while the story plays.
  epoch = 0; // Rises whenever steps that were there may have become others.
  forward = false; // The step shown follows the one that was shown before it.
  following = true; // The newest step is shown, as they come.
  playing = false;
  unit = 'event'; // That one step takes; see steps.js.
  selected = null;
  message = null; // The number of the message in flight that is chosen.
  link = null; // The pair of nodes that is chosen.
  admin = false;
  onupdate = () => {};
  onannounce = () => {};
  onnotice = () => {};
  oncomplain = () => {};

  constructor({ language, reduced }) {
    this.language = language;
    this.reduced = reduced;
  }

  t(key, ...values) {
    return translate(this.language, key, ...values);
  }

  // What the story is about.
  get opening() {
    return '';
  }

  // A story's own words, in the reader's language where it is known.
  said(words) {
    return words;
  }

  tell(event) {
    return sentence(this, event);
  }

  get last() {
    return this.source.length - 1;
  }

  // From now on this source is shown, at this step.
  show(source, step) {
    this.source?.close();
    this.source = source;
    this.epoch++;
    this.message = this.link = null;
    source.onchange = (replaced) => this.#changed(replaced);
    this.#stand(step);
    this.selected ??= firstToLookAt(this.view);
    this.onupdate();
  }

  go(step) {
    this.#stand(step);
    this.#announce();
    this.onupdate();
  }

  // Does something at the step shown; what had followed it is gone then.
  act(event) {
    return this.change(() => this.source.act(this.position, event));
  }

  // Runs what returns the new last step, and goes there. If it throws, the reader hears why, and nothing has changed.
  change(make) {
    const step = this.quietly(make);
    if (step === null) return false;
    this.epoch++;
    this.go(step);
    return true;
  }

  // The same without going anywhere: null if it threw.
  quietly(make) {
    this.busy = true;
    try {
      return make();
    } catch (error) {
      this.oncomplain(error.message);
      return null;
    } finally {
      this.busy = false;
    }
  }

  // While the story plays: this step, at this moment of it. Says whether the step is another than before.
  stand(step, now) {
    const moved = step !== this.position;
    if (moved) {
      this.#stand(step);
      this.#announce();
    }
    this.now = now ?? this.now;
    if (moved) this.onupdate();
    return moved;
  }

  // Live: follows what comes, or stays.
  play() {
    if (this.following) {
      this.following = false;
      this.onupdate();
    } else this.go(this.last);
  }

  // The last step, when time has passed since it. If it is still the same, only moments have changed.
  reach(step) {
    const moved = step !== this.position;
    this.#stand(step);
    if (!moved) return;
    this.#announce();
    this.onupdate();
  }

  select(name) {
    this.selected = name;
    this.message = this.link = null;
    this.onupdate();
  }

  chooseMessage(number) {
    this.message = number;
    this.link = null;
    this.onupdate();
  }

  chooseLink(from, to) {
    this.link = [from, to];
    this.message = null;
    this.onupdate();
  }

  #stand(step) {
    const first = this.source.first ?? 0;
    const previous = this.position;
    this.position = Math.max(first, Math.min(this.last, step));
    this.forward = this.position === previous + 1;
    this.following = this.position === this.last;
    this.view = this.source.view(this.position);
    this.events = this.source.events(this.position);
    this.before = this.position > first ? this.source.view(this.position - 1) : null;
    this.now = this.view.time_us;
    if (!this.view.flying.some((message) => message.number === this.message)) this.message = null;
    if (!this.view.nodes.some((node) => node.name === this.selected)) this.selected = null;
  }

  #changed(replaced) {
    if (this.busy) return;
    if (replaced) this.epoch++;
    const { following, position } = this;
    this.#stand(replaced || following ? this.last : position);
    if (this.position !== position) this.#announce();
    this.onupdate();
  }

  // Pre-votes that are refused are asked for again and again; a node that lives tells of it once.
  #isNotable({ event, message }) {
    return NOTABLE.has(event) && (this.view.live || message !== 'prevote');
  }

  #announce() {
    const isRead = this.playing || this.view.live ? (event) => this.#isNotable(event) : () => true;
    const told = this.events.filter(isRead);
    if (told.length > 0) this.onannounce(told.slice(-ANNOUNCED_MAX).map((event) => this.tell(event)));
  }
}

function firstToLookAt(view) {
  return (view.nodes.find((node) => node.role === 'leader' && node.up) ?? view.nodes[0])?.name ?? null;
}
