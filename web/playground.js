// playground.js - a cluster that lives in this page: the production core and the scenario world, as WebAssembly.
//
// The state of a playground is a scenario's text (docs/scenarios.md) and nothing else. Its steps are what happened as
// it was played; whatever is done adds a line to the text. No rule of Raft is written here: what a moment looks like,
// and what follows from an action, says the module (src/playground).
import { leaderOf } from "./panels/logs.js";

const VIEWS_KEPT = 256;

// The ways of repairing that are compared: by the option `repair`; and by outline also where the follower answered the
// request for its vote, and so told its outline before. (What the textbook's votes carry is no help to its two ways.)
const WAYS = { one: "one", term: "term", outline: "outline", vote: "outline" };

let compiled = null;

/** Compiles the module: from its bytes, or, without any, from the file beside this one. */
export async function load(bytes) {
  if (bytes) {
    compiled = await WebAssembly.compile(bytes);
  } else if (!compiled) {
    const answer = await fetch(new URL("core.wasm", import.meta.url));
    if (!answer.ok) throw new Error(`core.wasm: ${answer.status} ${answer.statusText}`);
    compiled = await WebAssembly.compile(await answer.arrayBuffer());
  }
  return compiled;
}

/** One instance of the module, with its memory: texts go in and come out, numbers are sessions. */
class Module {
  static async create() {
    return new Module((await WebAssembly.instantiate(await load(), {})).exports);
  }

  constructor(exports) {
    this.exports = exports;
    this.encoder = new TextEncoder();
    this.decoder = new TextDecoder();
  }

  read(address) {
    const bytes = new Uint8Array(this.exports.memory.buffer);
    return this.decoder.decode(bytes.subarray(address, bytes.indexOf(0, address)));
  }

  /** Calls one of the module's functions. A bug of its own ends with a trap, and is told like any other error. */
  call(name, ...args) {
    try {
      return this.exports[name](...args);
    } catch (trap) {
      const bug = this.read(this.exports.bug());
      throw new Error(bug ? `bug: ${bug}` : `bug: ${trap.message}`);
    }
  }

  json(name, ...args) {
    const address = this.call(name, ...args);
    if (address === 0) throw new Error("there is not enough memory");
    return JSON.parse(this.read(address));
  }

  /** Calls use(address, size) with the text in the module's memory, behind which a zero byte stands. */
  withText(text, use) {
    const bytes = this.encoder.encode(text);
    const address = this.call("allocate", bytes.length + 1);
    if (address === 0) throw new Error("there is not enough memory");
    const memory = new Uint8Array(this.exports.memory.buffer, address, bytes.length + 1);
    memory.set(bytes);
    memory[bytes.length] = 0;
    try {
      return use(address, bytes.length);
    } finally {
      this.call("release", address);
    }
  }

  /** What the last refused call said: an Error with the player's words, and the line they are about. */
  refusal() {
    const { line, text } = JSON.parse(this.read(this.call("refusal")));
    return Object.assign(new Error(line > 0 ? `line ${line}: ${text}` : text), { line, text });
  }

  /** A session; throws what the player says if the text is not understood. */
  open(text, branch, options) {
    const session = this.withText(text, (start, size) =>
      options
        ? this.withText(options, (lines) => this.call("open", start, size, branch, lines))
        : this.call("open", start, size, branch, 0));
    if (session === 0) throw this.refusal();
    return session;
  }
}

export class PlaygroundSource {
  kind = "playground";
  first = 0;
  onchange = null;

  /** Plays the text: `branch` is a branch's name or number; without it the first one is played, if there is any. */
  static async open(text, { branch = null, core = null } = {}) {
    if (core) await load(core);
    return new PlaygroundSource(await Module.create(), text, branch);
  }

  constructor(module, text, branch) {
    this.module = module;
    this.session = 0;
    const names = branchNames(text);
    const number = typeof branch === "string" ? names.indexOf(branch) + 1 : branch ?? 1;
    this.replace(module.open(text, names.length > 0 ? Math.max(1, Math.min(number, names.length)) : 0, null));
  }

  /** Another history: everything that was kept of the old one goes. */
  replace(session) {
    if (this.session !== 0) this.module.call("close", this.session);
    this.session = session;
    this.told = [];
    this.look();
  }

  /** Reads again what may have changed. */
  look() {
    this.views = new Map();
    this.state = this.module.json("state", this.session);
    this.length = this.module.call("count", this.session) + 1;
  }

  get text() {
    return this.state.text;
  }

  /** The names of the text's branches, and of the one that is played ("" if none is). */
  get branches() {
    return this.state.branches.map(([name]) => name);
  }

  /** What the text says of each branch, after its name. */
  get branchTitles() {
    return this.state.branches.map(([, title]) => title);
  }

  get branch() {
    return this.branches[this.state.branch - 1] ?? "";
  }

  useBranch(name) {
    const number = this.branches.indexOf(name) + 1;
    if (number === 0) throw new Error(`no branch is called ${name}`);
    this.replace(this.module.open(this.text, number, null));
    this.onchange?.(true);
  }

  /** What did not go as the text expects: { line, text }; null if everything did. */
  get failure() {
    const { line, failure } = this.state;
    return failure === "" ? null : { line, text: failure };
  }

  get expectations() {
    return this.state.expectations;
  }

  events(k) {
    if (!(k >= 1 && k < this.length)) return [];
    this.told[k] ??= [this.module.json("event", this.session, k)];
    return this.told[k];
  }

  lineOf(k) {
    return this.module.call("line", this.session, k);
  }

  view(k) {
    k = Math.max(0, Math.min(k, this.length - 1));
    const kept = this.views.get(k);
    if (kept) return kept;
    const view = this.module.json("view", this.session, k);
    if (this.views.size >= VIEWS_KEPT) this.views.delete(this.views.keys().next().value);
    this.views.set(k, view);
    return view;
  }

  /** Carries out a call that changes the text; returns the new last step. */
  change(name, ...args) {
    const { text, changes } = this.state;
    if (this.module.call(name, this.session, ...args) !== 0) {
      const refusal = this.module.refusal();
      this.look();
      throw refusal;
    }
    this.look();
    const replaced = this.state.changes !== changes;
    if (replaced) this.told = [];
    else delete this.told[this.state.line_step]; // A flow that goes on is told again, with other words.
    if (this.text !== text) this.onchange?.(replaced);
    return this.length - 1;
  }

  /** `event` happens after step k, as in `crash A`; what came after that step is no more. */
  act(k, event) {
    return this.module.withText(event, (start, size) => this.change("act", k, start, size));
  }

  option(name, value) {
    return this.module.withText(`${name} ${value}`, (start, size) => this.change("option", start, size));
  }

  /** So many microseconds pass at the end. The last step shows them, also if nothing happened in them. */
  flow(us) {
    return this.change("flow", Math.round(us));
  }

  /** How the follower's log at step k would be repaired in each way: see compareLogs(). */
  compare(k, follower) {
    const view = this.view(k);
    const leader = leaderOf(view)?.name;
    return leader && leader !== follower ? repairEachWay(this.module, view, leader, follower) : [];
  }

  close() {
    if (this.session !== 0) this.module.call("close", this.session);
    this.session = 0;
    this.onchange = null;
  }
}

function branchNames(text) {
  return [...text.matchAll(/^[ \t]*branch(?:[ \t]+([^\s#]+))?/gm)].map(([, name]) => name ?? "");
}

/* ------------------------------------------------------------------------------------------------- comparing */

/** Terms as the grammar writes them: 1x3 4x2. */
function writeTerms(terms) {
  const runs = [];
  for (const term of terms) {
    const run = runs.at(-1);
    if (run?.term === term) run.count++;
    else runs.push({ term, count: 1 });
  }
  return runs.map(({ term, count }) => (count > 1 ? `${term}x${count}` : `${term}`)).join(" ");
}

/**
 * The scenario in which `leader` comes to lead with its log of the view, and meets `follower` with the other's. A third
 * node, with the leader's log, makes a majority, so that the follower need not be asked for its vote: the leader knows
 * nothing of its log. Or it is asked, and answers first (`votes`), granting its vote or not. Entries below what the
 * view shows of both logs are left out; `base` is how many.
 */
export function repairScenario(view, leader, follower, votes) {
  const [left, right] = [leader, follower].map((name) => view.nodes.find((node) => node.name === name));
  const base = Math.max(left.first, right.first) - 1;
  const [long, other] = [left, right].map(({ first, log }) => log.slice(base + 1 - first).map(([term]) => term));
  const term = Math.max(left.term, (long.at(-1) ?? 0) + 1, (other.at(-1) ?? 0) + 1);
  const third =
    view.nodes.find((node) => node !== left && node !== right)?.name ?? (leader + follower + "3").slice(-15);
  const logs = [[leader, long], [third, long], [follower, other]];
  const lines = [
    `nodes ${leader} ${third} ${follower}`,
    ...logs.filter(([, terms]) => terms.length > 0).map(([name, terms]) => `log ${name} ${writeTerms(terms)}`),
    ...(term > 1 ? logs.map(([name]) => `term ${name} ${term - 1}`) : []),
    ...(votes ? ["option pre-vote off"] : []),
    votes
      ? `at elect campaign ${leader}; deliver vote to ${follower}; deliver vote-reply; deliver vote to ${third}; deliver vote-reply`
      : `at elect elect ${leader} term ${term} with ${third}`,
    "at repair settle",
  ];
  return { text: lines.join("\n") + "\n", base, last: long.length + 1 };
}

/**
 * The messages by which the follower's log is repaired in one way, and their count. A round trip is one that the next
 * message had to wait for: what was sent side by side, or is answered side by side, makes one.
 */
function repairOnce(module, way, scenario, leader, follower) {
  const session = module.open(scenario.text, 0, `option repair ${WAYS[way]}\n`);
  const sum = { way, rejections: 0, round_trips: 0, entries: 0, messages: [] };
  const sent = new Map();
  let heard = 0; // How many round trips came before the append that the follower heard last.
  const count = module.call("count", session);
  for (let k = 1; k <= count; k++) {
    const { event, node, peer, message, number } = module.json("event", session, k);
    const between = (node === leader && peer === follower) || (node === follower && peer === leader);
    if (!between || !(message === "append" || message === "append-reply")) continue;
    if (event === "sent") {
      const packet = module.json("view", session, k).flying.find((flying) => flying.number === number);
      if (packet) sent.set(number, { ...packet, after: message === "append" ? sum.round_trips : heard });
    }
    const packet = event === "delivered" ? sent.get(number) : undefined;
    if (!packet) continue;
    sum.messages.push(describe(packet, scenario.base));
    if (message === "append") {
      sum.entries += packet.last - packet.prev;
      heard = packet.after;
    } else {
      sum.round_trips = Math.max(sum.round_trips, packet.after + 1);
      sum.rejections += packet.rejected ? 1 : 0;
      if (!packet.rejected && packet.last >= scenario.last) break;
    }
  }
  module.call("close", session);
  return sum;
}

function describe({ from, to, type, prev, prev_term, last, rejected, outline }, base) {
  return {
    from, to, type, prev: prev + base, prev_term, last: last + base, rejected,
    entries: type === "append" ? last - prev : 0,
    outline: outline.map(([term, first]) => [term, first + base]),
  };
}

function repairEachWay(module, view, leader, follower) {
  return Object.keys(WAYS).map((way) =>
    repairOnce(module, way, repairScenario(view, leader, follower, way === "vote"), leader, follower));
}

/**
 * How the follower's log of the view is repaired by a new leader with the leader's log, in each of the ways: an array
 * of { way, rejections, round_trips, entries, messages }. Messages are in the order in which they arrive, from the
 * leader's first one until it knows that the follower holds everything.
 */
export async function compareLogs(view, leader, follower) {
  return repairEachWay(await Module.create(), view, leader, follower);
}
