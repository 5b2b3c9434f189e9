// A source made by hand: what the panels' tests look at. Logs are lists of terms; each call of step() is one step, with
// its event and what changed in the view.

export function node(name, terms, fields = {}) {
  const last = terms.length;
  return {
    name, up: true, paused: false, voter: true, role: 'follower', term: terms.at(-1) ?? 0, vote: '', leader: '',
    last, durable: last, commit: 0, applied: 0, first: 1, log: terms.map((term) => [term, 'c', '']),
    election_us: 500000, timeout_us: 1000000, disk: 'fast', writes: 0, peers: [], health: '',
    counters: { committed: 0, syncs: 0, sync_us: 0, commits: 0, commit_us: 0, clients: 0, memory: 0, disk: 0 },
    ...fields,
  };
}

export function setLog(each, terms) {
  each.log = terms.map((term) => [term, 'c', '']);
  each.last = each.durable = terms.length;
}

export function view(nodes, fields = {}) {
  return {
    time_us: 0, live: false, name: '', nodes, flying: [], cut: [], committed: 0, broken: [],
    options: { repair: 'outline', 'commit-any-term': 'never' }, latency_us: 10000, line: 0, sampled: false, ...fields,
  };
}

export class FakeSource {
  kind = 'playground';
  first = 0;
  onchange = () => {};

  constructor(start) {
    this.views = [structuredClone(start)];
    this.told = [[]];
  }

  get length() {
    return this.views.length;
  }

  view(k) {
    return this.views[Math.max(k, this.first)];
  }

  events(k) {
    return this.told[k];
  }

  lineOf(k) {
    return this.views[k].line;
  }

  close() {}

  step(event, change = () => {}) {
    const next = structuredClone(this.views.at(-1));
    next.time_us += 10000;
    change(next);
    this.views.push(next);
    this.told.push([].concat(event).map((each) => ({ time_us: next.time_us, ...each })));
    return this;
  }
}

// Figure 7's follower f, repaired by the leader of term 8 with one rejection.
export function figure7f() {
  const inherited = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  const stale = [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3];
  const of = (each, name) => each.nodes.find((one) => one.name === name);
  const peer = (each) => of(each, 'L').peers[0];
  const mine = { event: 'sent', node: 'L', peer: 'f', message: 'append', term: 8 };
  const source = new FakeSource(view([node('L', inherited, { commit: 9, applied: 9 }), node('f', stale)]));
  source
    .step({ event: 'leader', node: 'L', term: 8, index: 11, text: 'LEADS term 8' }, (next) => {
      const leader = of(next, 'L');
      setLog(leader, [...inherited, 8]);
      Object.assign(leader, { role: 'leader', term: 8, leader: 'L', election_us: -1 });
      leader.peers = [
        { name: 'f', match: 0, next: 11, progress: 'probe', rejections: 0, sent: 0, round_trip_us: 0, up: true },
      ];
    })
    .step({ ...mine, index: 10, other: 10, text: 'to f' })
    .step(
      { event: 'delivered', node: 'f', peer: 'L', message: 'append', term: 8, index: 10, other: 10 },
      (next) => (of(next, 'f').term = 8),
    )
    .step(
      { event: 'sent', node: 'f', peer: 'L', message: 'append-reply', term: 8, index: 10, rejected: true },
      (next) => {
        next.flying = [
          {
            number: 2,
            from: 'f',
            to: 'L',
            type: 'append-reply',
            prev: 10,
            last: 0,
            rejected: true,
            outline: [
              [1, 1],
              [2, 4],
              [3, 7],
            ],
          },
        ];
      },
    )
    .step(
      { event: 'delivered', node: 'L', peer: 'f', message: 'append-reply', term: 8, index: 10, rejected: true },
      (next) => (next.flying = []),
    )
    .step({ event: 'conflict', node: 'L', peer: 'f', index: 10, other: 3, text: 'learns' }, (next) =>
      Object.assign(peer(next), { next: 4, progress: 'stream', rejections: 1 }),
    )
    .step({ ...mine, index: 3, other: 11 })
    .step({ event: 'delivered', node: 'f', peer: 'L', message: 'append', term: 8, index: 3, other: 11 })
    .step({ event: 'truncated', node: 'f', index: 4, other: 11, term: 2, entries: 8 }, (next) =>
      setLog(of(next, 'f'), [1, 1, 1]),
    )
    .step({ event: 'appended', node: 'f', index: 4, other: 11, term: 4 }, (next) =>
      setLog(of(next, 'f'), [...inherited, 8]),
    )
    .step({ event: 'sent', node: 'f', peer: 'L', message: 'append-reply', term: 8, other: 11, rejected: false })
    .step(
      { event: 'delivered', node: 'L', peer: 'f', message: 'append-reply', term: 8, other: 11, rejected: false },
      (next) => Object.assign(peer(next), { match: 11, next: 12 }),
    )
    .step({ event: 'committed', node: 'L', index: 11, term: 8 }, (next) =>
      Object.assign(of(next, 'L'), { commit: 11, applied: 11 }),
    )
    .step({ event: 'committed', node: 'f', index: 11, term: 8 }, (next) =>
      Object.assign(of(next, 'f'), { commit: 11, applied: 11 }),
    )
    .step({ ...mine, index: 11, other: 12 });
  return source;
}
