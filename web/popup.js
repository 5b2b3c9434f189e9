// popup.js - <details> whose content floats over the page: it closes when the reader turns to anything else, or presses
// Escape.

export function closeElsewhere(details) {
  const turn = ({ target }) => details.contains(target) || (details.open = false);
  document.addEventListener('pointerdown', turn, true);
  document.addEventListener('focusin', turn);
  document.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape' || !details.open) return;
    details.open = false;
    if (details.contains(document.activeElement) || document.activeElement === document.body)
      details.firstElementChild.focus();
  });
}
