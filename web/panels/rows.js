// rows.js - a list of rows, each with one button: the current one is in sight, and the keyboard comes to it alone, then
// goes on with the arrows.

const MOVES = { ArrowUp: (at) => at - 1, ArrowDown: (at) => at + 1, Home: () => 0, End: (at, last) => last };

export function listen(list) {
  list.addEventListener('keydown', (event) => {
    const buttons = [...list.querySelectorAll('button')];
    const to = MOVES[event.key]?.(buttons.indexOf(event.target), buttons.length - 1);
    if (to === undefined || !buttons[to]) return;
    event.preventDefault();
    event.stopPropagation();
    buttons[to].focus();
  });
}

// Marks the row's button as the current step, or as none.
export function markRow(row, isCurrent) {
  const button = row.firstChild;
  if (isCurrent) button.setAttribute('aria-current', 'step');
  else button.removeAttribute('aria-current');
  button.tabIndex = isCurrent ? 0 : -1;
}

// After the rows were marked. Scrolls `list` alone, and only if its current row cannot be seen.
export function showCurrent(list) {
  const row = [...list.querySelectorAll('[aria-current]')].at(-1)?.parentElement;
  if (!row && list.firstChild) list.firstChild.firstChild.tabIndex = 0;
  if (!row) return;
  const top = row.offsetTop;
  if (top >= list.scrollTop && top + row.offsetHeight <= list.scrollTop + list.clientHeight) return;
  list.scrollTop = top - (list.clientHeight - row.offsetHeight) / 2;
}
