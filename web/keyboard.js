// keyboard.js - the page's keys, wherever the focus is, unless it is where keys are typed or mean something else; and
// the dialog that lists them.
import { h, put, set } from './dom.js';
import { icon } from './icons.js';
import { neighbour } from './steps.js';

const TYPED_IN = 'input, textarea, select, [contenteditable]';
const PRESSED = 'button, a, summary, [role=button], [role=tab], label';

export function listen(page, { help }) {
  const step = (way, unit) => {
    page.player.stop();
    page.go(neighbour(page.source, page.position, unit, way));
  };
  const keys = {
    ArrowLeft: (event) => step(-1, event.shiftKey ? 'line' : page.unit),
    ArrowRight: (event) => step(1, event.shiftKey ? 'line' : page.unit),
    Home: () => page.go(page.source.first ?? 0),
    End: () => page.go(page.last),
    ' ': () => page.play(),
    '?': help,
  };
  document.addEventListener('keydown', (event) => {
    const at = event.target instanceof Element ? event.target : document.body;
    const isElsewhere = event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !page.source;
    if (isElsewhere || !keys[event.key] || at.closest(TYPED_IN) || document.querySelector('dialog[open]')) return;
    if (event.key === ' ' && at.closest(PRESSED)) return;
    event.preventDefault();
    keys[event.key](event);
  });
}

const LIST = [['←', '→'], ['Shift', '←', '→'], ['Space'], ['Home', 'End'], ['Tab'], ['Esc'], ['?']];

export function createHelp(page) {
  const dialog = h('dialog', { class: 'help', onclick: (event) => event.target === dialog && dialog.close() });
  return {
    element: dialog,
    show() {
      set(dialog, { 'aria-label': page.t('help.title') });
      put(
        dialog,
        h(
          'header',
          {},
          h('h2', {}, page.t('help.title')),
          set(h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, icon('close')), {
            'aria-label': page.t('close'),
          }),
        ),
        h(
          'dl',
          {},
          LIST.map((keys, k) =>
            h(
              'div',
              {},
              h(
                'dt',
                {},
                keys.map((key) => h('kbd', {}, key)),
              ),
              h('dd', {}, page.t(`help.${k}`)),
            ),
          ),
        ),
      );
      dialog.showModal();
    },
  };
}
