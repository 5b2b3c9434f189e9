// properties.js - the five properties of the paper's Figure 3, and whether they hold.
//
// Of a playground the judge knows: it sees every disk. Its rules R1 to R5 are the five properties; others that
// broke are told under their own names. Of a live cluster this page knows what it has seen: Watch remembers it,
// bounded, and says a property is broken only if views contradict each other whatever happened between them.
export const PROPERTIES = [
  { name: 'election-safety', rule: 'R1' },
  { name: 'leader-append-only', rule: 'R2' },
  { name: 'log-matching', rule: 'R3' },
  { name: 'leader-completeness', rule: 'R4' },
  { name: 'state-machine-safety', rule: 'R5' },
];

// A broken rule by its name, or, if it has none, by what it says.
export function nameOf(page, rule) {
  const property = PROPERTIES.find((one) => one.rule === rule);
  if (property) return page.t(`safety.${property.name}`);
  const says = page.t(`safety.${rule}`);
  return says === `safety.${rule}` ? rule : says;
}

// The rule to name first, of those that broke: a property of Figure 3, if one did.
export function gravestOf(broken) {
  return broken.findLast(({ rule }) => PROPERTIES.some((one) => one.rule === rule)) ?? broken.at(-1) ?? null;
}

// What the judge found, for each property and for what is none of the five: {five: [{name, texts}], others:
// [{rule, texts}]}.
export function judged(broken) {
  const isOf = (rule) => (trip) => trip.rule === rule;
  const texts = (rule) => [...new Set(broken.filter(isOf(rule)).map(({ text }) => text.replace(`${rule}: `, '')))];
  const known = new Set(PROPERTIES.map(({ rule }) => rule));
  const others = [...new Set(broken.map((trip) => trip.rule))].filter((rule) => !known.has(rule));
  return {
    five: PROPERTIES.map(({ name, rule }) => ({ name, texts: texts(rule) })),
    others: others.map((rule) => ({ rule, texts: texts(rule) })),
  };
}

const ENTRIES_MAX = 20000; // That are remembered of each kind; the oldest are forgotten first.
const FOUND_MAX = 8;

function remember(map, key, value) {
  map.set(key, value);
  if (map.size > ENTRIES_MAX) map.delete(map.keys().next().value);
}

// What cannot be read says nothing.
const isReadable = (entry) => entry.text !== '' && entry.text !== '(damaged)';

function sameEntry(a, b) {
  if (a.term !== b.term || a.kind !== b.kind) return false;
  return a.text === b.text || !isReadable(a) || !isReadable(b);
}

// Watches views of a live cluster in the order in which they come. A node's numbers and its entries may have
// been read a moment apart, so an entry counts as committed only if an earlier view said so already.
export class Watch {
  constructor() {
    this.found = Object.fromEntries(PROPERTIES.map(({ name }) => [name, []]));
    this.views = 0;
    this.leaders = new Map(); // term -> name
    this.own = new Map(); // term -> Map of index -> entry: what the leader of that term had in its log
    this.lasts = new Map(); // term -> the last index of its leader's log
    this.entries = new Map(); // "index term" -> the entry, and the term of the one before it
    this.committed = new Map(); // index -> {entry, by: no leader of a higher term can lack it}
    this.applied = new Map(); // index -> the entry that some node applied
    this.before = new Map(); // name -> {commit, applied} in the view before
  }

  see(view) {
    this.views++;
    const highest = Math.max(...view.nodes.map((node) => node.term));
    for (const node of view.nodes) {
      if (!node.up) continue;
      if (node.role === 'leader') this.seeLeader(node);
      this.seeLog(node, highest);
      this.before.set(node.name, { commit: node.commit, applied: node.applied });
    }
  }

  break(property, what) {
    const list = this.found[property];
    if (list.length < FOUND_MAX && !list.some((each) => JSON.stringify(each) === JSON.stringify(what))) list.push(what);
  }

  seeLeader(node) {
    const known = this.leaders.get(node.term);
    if (known !== undefined && known !== node.name)
      this.break('election-safety', { key: 'two-leaders', values: [known, node.name, node.term] });
    remember(this.leaders, node.term, node.name);
    if (known === undefined || known === node.name) this.seeOwnLog(node);
    this.seeCompleteness(node, known === undefined);
  }

  seeOwnLog(node) {
    const last = this.lasts.get(node.term) ?? 0;
    const values = [node.name, node.term, last, node.last];
    if (node.last < last) this.break('leader-append-only', { key: 'shrank', values });
    remember(this.lasts, node.term, Math.max(last, node.last));
    const own = this.own.get(node.term) ?? new Map();
    forEachEntry(node, (index, entry) => {
      const was = own.get(index);
      if (was && !sameEntry(was, entry))
        this.break('leader-append-only', { key: 'changed', values: [node.name, node.term, index] });
      remember(own, index, entry);
    });
    this.own.set(node.term, own);
    if (this.own.size > 8) this.own.delete(this.own.keys().next().value);
  }

  // An entry that was known as committed when `by` was the highest term anywhere is in the log of each leader of a
  // higher term.
  seeCompleteness(node, isNew) {
    const lacks = (index, known) =>
      this.break('leader-completeness', { key: 'lacks', values: [node.name, node.term, index, known.entry.term] });
    forEachEntry(node, (index, entry) => {
      const known = this.committed.get(index);
      if (known && known.by < node.term && !sameEntry(known.entry, entry)) lacks(index, known);
    });
    if (!isNew) return; // It only appends.
    const end = Math.max(node.last, node.first + node.log.length - 1);
    for (const [index, known] of this.committed) if (index > end && known.by < node.term) return lacks(index, known);
  }

  seeLog(node, highest) {
    const before = this.before.get(node.name);
    forEachEntry(node, (index, entry) => {
      this.seeMatching(node, index, entry);
      if (before && index <= Math.min(before.commit, node.commit) && !this.committed.has(index))
        remember(this.committed, index, { entry, by: highest });
      if (before && index <= Math.min(before.applied, node.applied)) this.seeApplied(node, index, entry);
    });
  }

  seeMatching(node, index, entry) {
    const key = `${index} ${entry.term}`;
    const previous = index > node.first ? entryAt(node, index - 1).term : null;
    const known = this.entries.get(key);
    if (known && !sameEntry(known.entry, entry))
      this.break('log-matching', { key: 'two-entries', values: [node.name, known.node, index, entry.term] });
    else if (known && previous !== null && known.previous !== null && known.previous !== previous)
      this.break('log-matching', { key: 'two-pasts', values: [node.name, known.node, index, entry.term] });
    const saysMore = !known || (known.previous === null && previous !== null);
    if (saysMore) remember(this.entries, key, { entry, previous, node: node.name });
  }

  seeApplied(node, index, entry) {
    const known = this.applied.get(index);
    if (known && !sameEntry(known.entry, entry))
      this.break('state-machine-safety', { key: 'applied-two', values: [node.name, known.node, index] });
    if (!known) remember(this.applied, index, { entry, node: node.name });
  }
}

function entryAt(node, index) {
  const [term, kind, text] = node.log[index - node.first];
  return { term, kind, text };
}

function forEachEntry(node, see) {
  node.log.forEach((unused, k) => see(node.first + k, entryAt(node, node.first + k)));
}
