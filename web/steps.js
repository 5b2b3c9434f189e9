// steps.js - ways through a story: by event, by message, by line; and what a step means to somebody who looks for it.

const MESSAGES = new Set(['delivered', 'lost']);
// Nothing changes in the picture with these.
const ASIDES = new Set(['line', 'held', 'persisting']);

export const UNITS = ['event', 'message', 'line'];

// The step to go to from `at`, one unit on (`way` 1) or back (-1).
export function neighbour(source, at, unit, way) {
  const first = source.first ?? 0;
  const last = source.length - 1;
  for (let k = at + way; k > first && k < last; k += way) if (isStop(source, k, unit)) return k;
  return way > 0 ? last : first;
}

function isStop(source, k, unit) {
  if (source.kind === 'live') return true;
  if (unit === 'line') return source.lineOf(k) !== source.lineOf(k + 1) && bringsAnything(source, k);
  const event = source.events(k)[0]?.event;
  return unit === 'message' ? MESSAGES.has(event) : !ASIDES.has(event);
}

// Whether there is more to see of the line that ends with this step than that it was played, and what it expects is so.
function bringsAnything(source, end) {
  const line = source.lineOf(end);
  for (let k = end; k > 0 && source.lineOf(k) === line; k--)
    if (source.events(k).some(({ event }) => event !== 'line' && event !== 'held')) return true;
  return false;
}

// The last step of a line, or of the last line before it that brought any; 0 if there is none.
export function endOfLine(source, line) {
  let low = 0;
  let high = source.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (source.lineOf(middle) <= line) low = middle;
    else high = middle - 1;
  }
  return low;
}

// What a step is marked with on the timeline; null for most.
export const MARKS = ['broken', 'crash', 'leader', 'conflict', 'restart', 'link', 'candidate', 'commit'];

const MARK_OF = {
  leader: 'leader',
  candidate: 'candidate',
  crashed: 'crash',
  restarted: 'restart',
  opened: 'restart',
  truncated: 'conflict',
  committed: 'commit',
  cut: 'link',
  healed: 'link',
  disconnected: 'link',
  connected: 'link',
  broken: 'broken',
  'data-loss': 'broken',
  contradiction: 'broken',
  'not-held': 'broken',
  failed: 'crash',
  silent: 'crash',
  answers: 'restart',
};

export function markOf(events) {
  const marks = events.map((event) => MARK_OF[event.event]).filter(Boolean);
  return MARKS.find((mark) => marks.includes(mark)) ?? null;
}
