// tell.js - a step's event in words, with what it does not say by itself: that a request for a vote was ignored, who takes
// the write that a node declined, what a broken rule is called.
import { leaderOf, nodeOf } from './logs.js';
import { nameOf } from './properties.js';
import { sentence } from './sentences.js';

const seen = new WeakMap(); // Event -> whether it was ignored.

// Whether the voter lets a request of a higher term pass, as it hears a leader (thesis §4.2.3): it says nothing, and
// stays in its term. No event tells that; but by the next step any other answer has raised the term.
export function isIgnored(source, step, event) {
  if (source.kind !== 'playground' || event.event !== 'delivered' || event.message !== 'vote') return false;
  const known = seen.get(event);
  if (known !== undefined) return known;
  const after = Math.min(step + 1, source.length - 1);
  const ignored = nodeOf(source.view(after), event.node).term < event.term;
  if (after > step) seen.set(event, ignored);
  return ignored;
}

// To whom a client can turn instead: {words, leader}, of an event `declined`. `leader` is null if there is nobody else.
export function refusalOf(page, step, { asked, node }) {
  const leader = leaderOf(page.source.view(step))?.name ?? null;
  const variant = leader === null ? '.nobody' : leader === node ? '.busy' : '';
  const words = page.t(`event.declined.${asked}${variant}`, node, leader ?? '');
  return { words, leader: leader === node ? null : leader };
}

function ignoredWords(page, step, event, words) {
  const voter = nodeOf(page.source.view(step), event.node);
  return page.t(voter.role === 'leader' ? 'event.ignored.leads' : 'event.ignored', words, voter.leader);
}

// The English text of an expectation begins with a verdict, which other languages say in their own sentence.
const withoutVerdict = (event) => ({ ...event, text: event.text.replace(/^(as expected|NOT AS EXPECTED): /, '') });

// The judge's words begin with the rule's number.
function brokenWords(page, { text }) {
  const [, rule, what] = /^(?:BROKEN INVARIANT )?(?:([A-Z]\d+): )?(.*)$/s.exec(text);
  return page.t('event.broken.rule', rule ? nameOf(page, rule) : '', what);
}

export function tell(page, event, step) {
  if (event.event === 'declined') return refusalOf(page, step, event).words;
  if (event.event === 'broken') return brokenWords(page, event);
  const isVerdict = event.event === 'held' || event.event === 'not-held';
  const words = sentence(page, isVerdict && page.language !== 'en' ? withoutVerdict(event) : event);
  return isIgnored(page.source, step, event) ? ignoredWords(page, step, event, words) : words;
}
