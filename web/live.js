// live.js - a running cluster as a source of steps: views of it as they come from the server, as server-sent events.
//
// A step is one view, and the events that came with it; the newest 600 are kept. When the connection is lost the steps
// stay, `connected` is false, and the browser connects again; the first view after that is a step like any other. What
// the server tells a newcomer of the past is not told twice.

const KEPT = 600;
const TOLD_KEPT = 2048; // More than a newcomer is told.
const PATIENCE_MS = 10000; // For the first view.

export class LiveSource {
  kind = 'live';
  connected = false;
  onchange = null; // Called when a step was added, or the connection was lost or made again.

  #views = [];
  #events = [];
  #first = 0; // The number of the oldest step kept.
  #fresh = []; // Events whose view is still to come.
  #told = new Set(); // Names of the latest events.
  #stream;

  // Resolves once there is something to show.
  static open(address = new URL('../live', import.meta.url)) {
    return new Promise((resolve, reject) => {
      const source = new LiveSource(address);
      const fail = () => {
        source.close();
        reject(new Error(`GET ${address.pathname}`));
      };
      const timer = setTimeout(fail, PATIENCE_MS);
      source.onchange = () => {
        if (source.length > source.first) {
          clearTimeout(timer);
          source.onchange = null;
          resolve(source);
        } else if (source.#stream.readyState === EventSource.CLOSED) {
          clearTimeout(timer);
          fail();
        }
      };
    });
  }

  constructor(address) {
    this.#stream = new EventSource(address);
    this.#stream.addEventListener('events', (message) => this.#takeEvents(JSON.parse(message.data)));
    this.#stream.addEventListener('view', (message) => this.#takeView(JSON.parse(message.data)));
    this.#stream.onerror = () => {
      this.connected = false;
      this.onchange?.();
    };
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
    this.#stream.close();
    this.connected = false;
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
    this.#views.push(view);
    this.#events.push(this.#fresh);
    this.#fresh = [];
    if (this.#views.length > KEPT) {
      this.#views.shift();
      this.#events.shift();
      this.#first++;
    }
    this.connected = true;
    this.onchange?.();
  }
}
