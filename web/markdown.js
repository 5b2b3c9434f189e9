// markdown.js - the part of Markdown that lessons are written in: headings, paragraphs, lists, quotes, code, tables,
// emphasis and links.
//
// parse() makes a tree of plain arrays, render() makes elements of it; text never passes through a markup parser, so
// nothing in a lesson can run. A block is [kind, ...]: ['heading', level, spans], ['paragraph', spans],
// ['list', ordered, [blocks of an item, ...]], ['quote', blocks], ['code', language, text],
// ['table', [spans, ...], [[spans, ...], ...]], ['rule']. A span is a string or ['strong' | 'em', spans],
// ['code', text], ['link', target, spans].
import { h } from './dom.js';

const FENCE = /^```\s*(\S*)/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^(?:-{3,}|\*{3,}|_{3,})\s*$/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^>\s?/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

export function parse(text) {
  return blocks(text.replace(/\r/g, '').split('\n'));
}

function blocks(lines) {
  const found = [];
  for (let at = 0; at < lines.length;) {
    if (!lines[at].trim()) {
      at++;
      continue;
    }
    const [block, next] = takeBlock(lines, at);
    found.push(block);
    at = next;
  }
  return found;
}

// One block that begins at a line, and the line after it.
function takeBlock(lines, at) {
  const line = lines[at];
  const heading = HEADING.exec(line);
  if (FENCE.test(line)) return takeCode(lines, at);
  if (heading) return [['heading', heading[1].length, spans(heading[2])], at + 1];
  if (RULE.test(line)) return [['rule'], at + 1];
  if (QUOTE.test(line)) return takeQuote(lines, at);
  if (ITEM.test(line)) return takeList(lines, at);
  if (isTable(lines, at)) return takeTable(lines, at);
  return takeParagraph(lines, at);
}

function takeCode(lines, at) {
  const language = FENCE.exec(lines[at])[1];
  let end = at + 1;
  while (end < lines.length && !FENCE.test(lines[end])) end++;
  return [['code', language, lines.slice(at + 1, end).join('\n')], end + 1];
}

function takeQuote(lines, at) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end++;
  return [['quote', blocks(lines.slice(at, end).map((line) => line.replace(QUOTE, '')))], end];
}

// An item goes on with the lines that are indented at least as its text is; an empty line between them is part of it.
function takeList(lines, at) {
  const ordered = /\d/.test(ITEM.exec(lines[at])[2]);
  const items = [];
  while (at < lines.length) {
    const item = ITEM.exec(lines[at]);
    if (!item || /\d/.test(item[2]) !== ordered) break;
    const content = [item[3]];
    for (at++; at < lines.length; at++) {
      const isInside =
        /^ {2,}\S/.test(lines[at]) || (lines[at].trim() && content.at(-1).trim() && !startsBlock(lines, at));
      const isGap = !lines[at].trim() && /^ {2,}\S/.test(lines[at + 1] ?? '');
      if (!isInside && !isGap) break;
      content.push(lines[at].replace(/^ {1,4}/, ''));
    }
    items.push(blocks(content));
    while (at < lines.length && !lines[at].trim() && ITEM.test(lines[at + 1] ?? '')) at++;
  }
  return [['list', ordered, items], at];
}

function isTable(lines, at) {
  return lines[at].includes('|') && TABLE_RULE.test(lines[at + 1] ?? '');
}

function takeTable(lines, at) {
  let end = at + 2;
  while (end < lines.length && lines[end].includes('|')) end++;
  return [['table', row(lines[at]), lines.slice(at + 2, end).map(row)], end];
}

function row(line) {
  const cells = line
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|');
  return cells.map((cell) => spans(cell.trim()));
}

function startsBlock(lines, at) {
  const line = lines[at];
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((pattern) => pattern.test(line)) || isTable(lines, at);
}

function takeParagraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !startsBlock(lines, end)) end++;
  return [
    [
      'paragraph',
      spans(
        lines
          .slice(at, end)
          .map((line) => line.trim())
          .join('\n'),
      ),
    ],
    end,
  ];
}

const SPAN = new RegExp(
  [
    /`(?<code>[^`]+)`/,
    /\*\*(?=\S)(?<strong>[\s\S]+?)\*\*(?!\*)/,
    /\*(?<em>[^*\s][^*]*)\*/,
    /\b_(?<under>[^_]+)_\b/,
    /\[(?<label>(?:[^\][]|\[[^\]]*\])+)\]\((?<target>[^()\s]+)\)/,
    /\\(?<escaped>[^\w\s])/,
  ]
    .map((pattern) => pattern.source)
    .join('|'),
  'g',
);

export function spans(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(SPAN)) {
    if (match.index > at) found.push(text.slice(at, match.index));
    found.push(span(match.groups));
    at = match.index + match[0].length;
  }
  if (at < text.length) found.push(text.slice(at));
  return found;
}

function span({ code, strong, em, under, label, target, escaped }) {
  if (code !== undefined) return ['code', code];
  if (strong !== undefined) return ['strong', spans(strong)];
  if (em !== undefined || under !== undefined) return ['em', spans(em ?? under)];
  if (label !== undefined) return ['link', target, spans(label)];
  return escaped;
}

// Elements for the blocks. `link(target)` says what a link does: a function makes it a button, a string is where it
// leads, null leaves its words as text.
export function render(tree, link) {
  return tree.map((block) => BLOCKS[block[0]](block, link));
}

const BLOCKS = {
  heading: ([, level, content], link) => h(`h${Math.min(6, level + 1)}`, {}, inline(content, link)),
  paragraph: ([, content], link) => h('p', {}, inline(content, link)),
  quote: ([, content], link) => h('blockquote', {}, render(content, link)),
  code: ([, , text]) => h('pre', { tabindex: '0' }, h('code', {}, text)),
  rule: () => h('hr'),
  list: ([, ordered, items], link) =>
    h(
      ordered ? 'ol' : 'ul',
      {},
      items.map((item) => h('li', {}, tight(item, link))),
    ),
  table: ([, head, body], link) =>
    h(
      'div',
      { class: 'table-frame', tabindex: '0', role: 'group' },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            head.map((cell) => h('th', { scope: 'col' }, inline(cell, link))),
          ),
        ),
        h(
          'tbody',
          {},
          body.map((cells) =>
            h(
              'tr',
              {},
              cells.map((cell) => h('td', {}, inline(cell, link))),
            ),
          ),
        ),
      ),
    ),
};

// An item of one paragraph is its words alone.
function tight(item, link) {
  const [first, ...rest] = item;
  return first?.[0] === 'paragraph' ? [inline(first[1], link), render(rest, link)] : render(item, link);
}

function inline(content, link) {
  return content.map((part) => {
    if (typeof part === 'string') return part;
    if (part[0] === 'code') return h('code', {}, part[1]);
    if (part[0] === 'link') return anchor(part, link);
    return h(part[0], {}, inline(part[1], link));
  });
}

function anchor([, target, content], link) {
  const action = link(target);
  if (typeof action === 'function')
    return h('button', { type: 'button', class: 'play-link', onclick: action }, inline(content, link));
  if (action === null) return h('span', {}, inline(content, link));
  return h('a', { href: action }, inline(content, link));
}
