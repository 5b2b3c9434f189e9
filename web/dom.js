// dom.js - the elements of the page, made by hand: HTML with h(), SVG with svg().
//
// Data becomes text nodes and attributes, never markup, so nothing that a cluster, a file or a link says can become
// part of the page. The page's policy forbids style attributes: what must be computed goes through place() or SVG
// attributes, all else through classes.

const SVG = 'http://www.w3.org/2000/svg';

// These are properties: the attribute of the same name would only say how they began.
const PROPERTIES = new Set(['value', 'checked', 'selected', 'indeterminate', 'open', 'disabled', 'hidden']);

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {}))
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else give(element, name, value);
  element.append(...nodes(children));
  return element;
}

function give(element, name, value) {
  if (PROPERTIES.has(name) && name in element) element[name] = value ?? '';
  else if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? '' : value);
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

// Changes the attributes that differ from what set() gave the element last, and touches no others.
export function set(element, attributes) {
  const given = (element.given ??= {});
  for (const [name, value] of Object.entries(attributes)) {
    if (given[name] === value) continue;
    given[name] = value;
    give(element, name, value);
  }
  return element;
}

// The element's children become these.
export function put(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

// The element's text becomes this.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
  return element;
}

// Keeps one child of `parent` for each item, in the items' order: makes those that are new, removes those that are
// gone, and lets `update(child, item)` see to the rest. Elements stay what they are while their key stays, so that
// focus and transitions do.
export function keyed(parent, items, key, make, update) {
  const old = (parent.keyed ??= new Map());
  const now = new Map();
  let before = null;
  for (const item of items) {
    const name = key(item);
    const child = old.get(name) ?? make(item);
    old.delete(name);
    now.set(name, child);
    const next = before ? before.nextSibling : parent.firstChild;
    if (next !== child) parent.insertBefore(child, next);
    update?.(child, item);
    before = child;
  }
  for (const child of old.values()) child.remove();
  parent.keyed = now;
}

// Style that must be computed, through the CSSOM.
export function place(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}
