// trail.js - the way that the reader took through stories and lessons, as entries of the browser's history.
//
// Another story or lesson is another entry, so that Back leads to the one before. An entry holds the story as it lies
// on the desk, so that what was done in it is there again after Back, Forward or a reload. Its address stays what
// opened it.
//
// Browsers let a page write its entry only so often: what somebody does is written at once, as Back may follow; steps,
// and the time that passes while the story plays, some of them together. While nothing changes nothing runs.

const PAUSE_MS = 400;

export class Trail {
  #page;
  #openAddress;
  #written = null; // What the present entry holds.
  #writtenAt = -Infinity;
  #timer = null;
  #opening = 0; // What is being opened: until it is, the desk is not what the present entry should hold.
  #turn = Promise.resolve();

  // `openAddress` opens what stands behind the # of an address that has been nowhere yet.
  constructor(page, openAddress) {
    this.#page = page;
    this.#openAddress = openAddress;
    addEventListener('popstate', ({ state }) => void this.#arrive(state));
    addEventListener('beforeunload', () => this.#write());
  }

  // Opens what the page was left with, or what its address asks for.
  begin() {
    return this.#arrive(history.state);
  }

  // Goes on to what `open` lays on the desk, if it says that it did: an entry of its own, at this address; '': at the
  // page's own.
  async go(address, open) {
    this.#write();
    const before = this.#written;
    const isOpen = await this.#inTurn(open);
    if (!isOpen) return false;
    const now = this.#page.laid;
    const isElsewhere = ['text', 'name', 'lesson'].some((part) => now[part] !== before?.[part]);
    if (isElsewhere) history.pushState(now, '', address || location.pathname + location.search);
    this.#written = isElsewhere ? now : before;
    this.update();
    return true;
  }

  // Called whenever anything may have changed.
  update() {
    const isDone = !this.#page.playing && this.#page.source?.text !== this.#written?.text;
    if (isDone) return this.#write();
    if (this.#timer !== null) return;
    const wait = this.#writtenAt + PAUSE_MS - performance.now();
    if (wait <= 0) return this.#write();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#write();
    }, wait);
  }

  #write() {
    if (this.#opening > 0 || this.#page.source === null) return;
    const now = this.#page.laid;
    if (this.#written && Object.keys(now).every((part) => now[part] === this.#written[part])) return;
    history.replaceState(now, '');
    this.#written = now;
    this.#writtenAt = performance.now();
  }

  // At an entry of the past, or at one that an address has just made.
  async #arrive(state) {
    await this.#inTurn(
      async () => (state && (await this.#page.takeUp(state))) || this.#openAddress(location.hash.slice(1)),
    );
    this.#written = null;
    this.update();
  }

  // One after the other, so that what was asked for last is what lies on the desk in the end.
  #inTurn(open) {
    this.#opening++;
    const opened = this.#turn.then(open).finally(() => this.#opening--);
    this.#turn = opened.catch(() => {});
    return opened;
  }
}
