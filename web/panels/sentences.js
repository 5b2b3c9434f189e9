// sentences.js - an event in plain words, in the reader's language.
//
// An event's `text` is English. In another language a sentence is made from its fields: the string `event.NAME`, with
// {0} index, {1} other, {2} term, {3} peer, {4} entries, {5} votes, {6} voters, {7} round trips, {8} a scenario file's
// words or, without any, the text, and {9} the range from index to other; of a message, what it says; of a client's
// request, how it ended; of what is ignored, for whose sake. An event that has no such string keeps its English text.
import { nameOf } from './properties.js';

const MESSAGES = new Set(['sent', 'delivered', 'lost']);

export function isMessage(event) {
  return MESSAGES.has(event.event);
}

// "entry 7", "entries 7 to 9"
export function range(page, first, last) {
  return first === last ? page.t('event.entry', first) : page.t('event.entries', first, last);
}

function contentOf(page, event) {
  const index = event.index ?? 0;
  const other = event.other ?? index;
  switch (event.message) {
    case 'append':
      if (other === index) return page.t('event.says.heartbeat', index);
      return page.t('event.says.append', range(page, index + 1, other), index);
    case 'append-reply':
      if (event.stale) return page.t('event.says.stale');
      return event.rejected ? page.t('event.says.rejects', index) : page.t('event.says.holds', other);
    case 'prevote-reply':
    case 'vote-reply':
      return page.t(`event.says.${event.message}.${event.granted ? 'granted' : event.rejected ? 'lacks' : 'refused'}`);
    default:
      return page.t(`event.says.${event.message}`, index, other);
  }
}

function whatOf(page, event, index, other) {
  if (isMessage(event)) return contentOf(page, event);
  if (event.outcome) return page.t(`event.outcome.${event.outcome}`);
  return event.leader ?? range(page, index, other);
}

function fromFields(page, event, key) {
  const index = event.index ?? 0;
  const other = event.other ?? index;
  return page.t(key, index, other, event.term ?? 0, event.peer ?? '', event.entries ?? 0, event.votes ?? 0,
    event.voters ?? 0, event.round_trips ?? 0, event.words ?? event.text ?? '', whatOf(page, event, index, other));
}

// The strings' variants for events whose sentence depends on which fields they have.
function variantOf(event) {
  const has = (field) => (event[field] ?? 0) !== 0 && event[field] !== '';
  switch (event.event) {
    case 'follower':
    case 'precandidate':
      return has('peer') ? '.of' : '';
    case 'leader':
      return has('votes') ? '.votes' : '';
    case 'crashed':
    case 'restarted':
      return has('index') ? '.index' : '';
    case 'answered':
      return has('index') ? (event.index === event.other ? '.one' : '') : '.none';
    case 'read':
      if (!has('index')) return '.none';
      return (event.other ?? 0) < event.index ? '.waits' : '';
    case 'ignored':
      return `${event.message === 'prevote' ? '.prevote' : ''}${event.leader === event.node ? '.leads' : ''}`;
    case 'persisting':
      return has('term') ? '.term' : has('index') ? '' : '.cut';
    default:
      return '';
  }
}

// A message's text begins with its other end, and lacks verb and type.
function sayMessage(page, { event, message, text }) {
  return page.t(`event.${event}`, page.t(`message.${message}`), text.replace(/^lost: /, ''));
}

// The judge's words begin with the rule's number; people know it by its name.
function sayBroken(page, { text }) {
  const [, rule, what] = /^(?:BROKEN INVARIANT )?(?:([A-Z]\d+): )?(.*)$/s.exec(text);
  return page.t('event.broken', rule ? nameOf(page, rule) : '', what);
}

// Whether the event's own words are what the reader is told. Those of a start name a directory, which is the machine's
// business and not the cluster's.
function hasWords(page, { event, text }) {
  return page.language === 'en' && text && event !== 'opened';
}

// Without the node's name.
export function predicate(page, event) {
  if (event.event === 'say') return page.said(event.text);
  if (event.event === 'broken') return sayBroken(page, event);
  if (hasWords(page, event)) return isMessage(event) ? sayMessage(page, event) : event.text;
  const key = `event.${event.event}${variantOf(event)}`;
  const text = fromFields(page, event, key);
  return text === key ? (event.text ?? event.event) : text;
}

// With it. A broken rule's words name it themselves.
export function sentence(page, event) {
  const text = predicate(page, event);
  return event.node && event.event !== 'broken' ? page.t('event.whole', event.node, text) : text;
}
