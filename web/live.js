// live.js - a running cluster as a source of steps: views of it as they come from the server, as server-sent events.
//
// A step is one view, and the events that came with it; the newest 600 are kept. When the connection is lost, or the
// server refuses it, the steps stay, `connected` is false, and it is made again, after a pause that grows up to eight
// seconds; the first view after that is a step like any other. What the server tells a newcomer of the past is not told
// twice. That a member does not answer any more, no node tells: it is seen in the views, and told here. A message that
// cannot be read is passed over.

const KEPT = 600;
const TOLD_KEPT = 2048; // More than a newcomer is told.
const PAUSE_MS = [500, 8000]; // Before connecting again: at first, and at most.

export class LiveSource {
  kind = 'live';
  connected = false;
  onchange = null; // Called when a step was added, or the connection was lost or made again.

  #address;
  #views = [];
  #events = [];
  #first = 0; // The number of the oldest step kept.
  #fresh = []; // Events whose view is still to come.
  #told = new Set(); // Names of the latest events.
  #answers = new Map(); // Whether each member answered when it was asked last.
  #stream;
  #timer;
  #pause;

  // Resolves once there is something to show; until then `onwait` is called whenever that failed, and is tried again.
  static open({ onwait = () => {}, address = new URL('../live', import.meta.url) } = {}) {
    return new Promise((resolve) => {
      const source = new LiveSource(address);
      source.onchange = () => {
        if (source.length === source.first) return onwait();
        source.onchange = null;
        resolve(source);
      };
    });
  }

  constructor(address) {
    this.#address = address;
    [this.#pause] = PAUSE_MS;
    this.#connect();
  }

  get length() {
    return this.#first + this.#views.length;
  }

  get first() {
    return this.#first;
  }

  view(step) {
    return this.#views[Math.max(step - this.#first, 0)];
  }

  events(step) {
    return this.#events[step - this.#first] ?? [];
  }

  close() {
    clearTimeout(this.#timer);
    this.#stream.close();
    this.connected = false;
  }

  // A browser itself would not try again after an answer other than 200, and always at the same pace.
  #connect() {
    this.#stream = new EventSource(this.#address);
    this.#stream.addEventListener('events', (message) => this.#read(message, (events) => this.#takeEvents(events)));
    this.#stream.addEventListener('view', (message) => this.#read(message, (view) => this.#takeView(view)));
    this.#stream.onerror = () => {
      this.close();
      this.#timer = setTimeout(() => this.#connect(), this.#pause);
      this.#pause = Math.min(2 * this.#pause, PAUSE_MS[1]);
      this.onchange?.();
    };
  }

  #read({ data }, take) {
    let value;
    try {
      value = JSON.parse(data);
    } catch {
      return;
    }
    take(value);
  }

  // A node numbers its events from 1 in each life of its process, so a number alone is no name.
  #takeEvents(events) {
    for (const event of events) {
      const name = `${event.node} ${event.sequence} ${event.wall_us}`;
      if (this.#told.has(name)) continue;
      this.#told.add(name);
      this.#fresh.push(event);
    }
    for (const name of this.#told) {
      if (this.#told.size <= TOLD_KEPT) break;
      this.#told.delete(name);
    }
  }

  #takeView(view) {
    this.#tellOfAnswers(view);
    this.#views.push(view);
    this.#events.push(this.#fresh);
    this.#fresh = [];
    if (this.#views.length > KEPT) {
      this.#views.shift();
      this.#events.shift();
      this.#first++;
    }
    [this.#pause] = PAUSE_MS;
    this.connected = true;
    this.onchange?.();
  }

  // In the words of `fairlead events`. Whose process is a new one has told that itself.
  #tellOfAnswers({ nodes, time_us, wall_us }) {
    for (const { name, up, problem } of nodes) {
      if (!up && !problem) continue; // It was not asked yet.
      const before = this.#answers.get(name);
      this.#answers.set(name, up);
      if (before === true && !up)
        this.#fresh.push({ event: 'silent', node: name, time_us, wall_us, text: `does not answer: ${problem}` });
      if (before === false && up && !this.#fresh.some(({ event, node }) => event === 'opened' && node === name))
        this.#fresh.push({ event: 'answers', node: name, time_us, wall_us, text: 'answers again' });
    }
  }
}
