// player.js - plays the story by itself: the steps that are there, in the time they took, and, from the end on, time
// that passes and brings new ones.
//
// A story's seconds are slowed down, so that a message of ten milliseconds can be seen to fly. What takes no time in
// the story still gets a moment of the reader's, and a long wait is cut short: so does time, from the end on, pass as
// fast as on the wall when nothing has flown for a second, until something does again (`hastens`). Nothing runs unless
// something plays: one animation frame asks for the next. Who asked for reduced motion gets one step after the other.

export const SPEEDS = [0.01, 0.03, 0.1, 0.3, 1];

const FRAME_MS_MAX = 100; // A tab that slept does not make up for it.
const WAIT_MS_MAX = 1500;
const STEP_MS = 700; // With reduced motion.
const STEP_US = 100000;
const IDLE_MS = 1000;
const HASTE_US_MAX = 5000; // At a time, while somebody leads: a message that is sent meanwhile must not arrive unseen.

// How long, at a tenth of real time, an event is looked at that takes no time itself.
const LOOK_MS = {
  line: 150,
  leader: 900,
  conflict: 900,
  truncated: 900,
  crashed: 700,
  restarted: 500,
  candidate: 500,
  precandidate: 400,
  fetched: 700,
  follower: 250,
  delivered: 260,
  lost: 260,
  committed: 200,
  broken: 900,
  cut: 400,
  healed: 400,
};
const LOOK_MS_ELSE = 60;
const READ_MS = 24; // For a letter of what the story says.

export class Player {
  speed = 0.1;
  progress = 0; // How far, from 0 to 1, the story is between the step shown and the next.

  // Whether time passes faster than was chosen, as nothing happens in it.
  get hastens() {
    return this.page.playing && this.flows && this.idle > IDLE_MS && this.speed < 1;
  }

  constructor(page, onframe) {
    this.page = page;
    this.onframe = onframe;
  }

  toggle() {
    if (this.page.playing) this.stop();
    else this.start();
  }

  start() {
    this.page.playing = true;
    this.flows = this.page.position === this.page.last;
    this.progress = 0;
    this.owed = 0;
    this.idle = 0; // For how many of the reader's milliseconds nothing has flown.
    this.stamp = null;
    this.page.onupdate();
    this.#next();
  }

  stop() {
    if (!this.page.playing) return;
    this.page.playing = false;
    this.progress = 0;
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.page.onupdate();
  }

  #next() {
    if (!this.page.playing) return;
    if (this.page.reduced) this.timer = setTimeout(() => this.#step(), STEP_MS);
    else this.frame = requestAnimationFrame((stamp) => this.#tick(stamp));
  }

  #step() {
    const { page } = this;
    if (this.flows) this.#flow(Math.max(STEP_US, isFlying(page.view) ? 0 : wholeUs(untilTimer(page))));
    else if (page.position < page.last) page.stand(page.position + 1);
    if (!this.flows && page.position === page.last) this.stop();
    this.#next();
  }

  #tick(stamp) {
    const elapsed = Math.min(FRAME_MS_MAX, stamp - (this.stamp ?? stamp));
    this.stamp = stamp;
    if (this.flows) this.#passTime(elapsed);
    else this.#replay(elapsed);
    this.onframe();
    this.#next();
  }

  #passTime(elapsed) {
    const { page } = this;
    this.idle = isFlying(page.view) ? 0 : this.idle + elapsed;
    if (this.hastens) this.#pass(Math.min(elapsed * 1000, untilTimer(page) || HASTE_US_MAX));
    else this.#pass(elapsed * 1000 * this.speed);
  }

  // The text's time has whole milliseconds; what is between them only the picture sees.
  #pass(us) {
    this.owed += us;
    const whole = Math.floor(this.owed / 1000) * 1000;
    this.owed -= whole;
    if (whole > 0) this.#flow(whole);
    this.page.now += whole > 0 ? this.owed : us;
  }

  #flow(us) {
    const { page } = this;
    const step = page.quietly(() => page.source.flow(us));
    if (step === null) return this.stop();
    page.reach(step);
  }

  #replay(elapsed) {
    const { page } = this;
    let left = elapsed;
    for (let from = page.position; from < page.last; from++) {
      const whole = this.#length(from);
      if (this.progress * whole + left < whole) {
        this.progress += left / whole;
        const [begin, end] = [this.#time(from), this.#time(from + 1)];
        page.stand(from, begin + (end - begin) * this.progress);
        return;
      }
      left -= whole * (1 - this.progress);
      this.progress = 0;
      if (from + 1 === page.last) page.stand(page.last);
    }
    this.stop();
  }

  #time(step) {
    const { source } = this.page;
    return source.events(step)[0]?.time_us ?? source.view(step).time_us;
  }

  // The reader's milliseconds between a step and the next.
  #length(step) {
    const [event] = this.page.source.events(step);
    const look = event?.event === 'say' ? event.text.length * READ_MS : (LOOK_MS[event?.event] ?? LOOK_MS_ELSE);
    const passed = (this.#time(step + 1) - this.#time(step)) / 1000 / this.speed;
    return Math.max(look * (0.1 / this.speed) ** 0.5, Math.min(WAIT_MS_MAX, passed));
  }
}

const isAwake = (node) => node.up && !node.paused;

// Whether a message is on its way to somebody who can take it.
function isFlying({ flying, nodes }) {
  return flying.some(({ to }) => isAwake(nodes.find(({ name }) => name === to)));
}

// How long until the next election timer ends; 0 if none runs, or somebody leads, whose next message is not foretold.
function untilTimer({ view, now }) {
  const awake = view.nodes.filter(isAwake);
  const left = awake.filter(({ election_us: us }) => us >= 0).map(({ election_us: us }) => us - (now - view.time_us));
  return left.length === 0 || awake.some(({ role }) => role === 'leader') ? 0 : Math.max(1000, Math.min(...left));
}

const wholeUs = (us) => Math.ceil(us / 1000) * 1000;
