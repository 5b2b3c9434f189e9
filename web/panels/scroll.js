// scroll.js - a list keeps its current row in sight.

// Scrolls `list` alone, and only as far as it must, so that its child with aria-current can be seen.
export function showCurrent(list) {
  const row = list.querySelector('[aria-current]')?.parentElement;
  if (!row) return;
  const top = row.offsetTop;
  const bottom = top + row.offsetHeight;
  if (top >= list.scrollTop && bottom <= list.scrollTop + list.clientHeight) return;
  list.scrollTop = top - (list.clientHeight - row.offsetHeight) / 2;
}
