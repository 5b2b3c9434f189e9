// tabs.js - panels that share one place: one is shown, the others wait, and are not drawn meanwhile.
import { h, say, set } from './dom.js';

// A panel that shows one of these at a time: modules by their names, whose words are the strings `panel.NAME`.
export function of(modules) {
  return { create: (element, page) => create(element, page, Object.entries(modules)) };
}

function create(element, page, panels) {
  const list = h('div', { class: 'tabs', role: 'tablist', onkeydown: move });
  element.append(list);
  const made = panels.map(([name, { create: make }]) => {
    const panel = h('section', {
      class: `panel ${name}`,
      role: 'tabpanel',
      id: `panel-${name}`,
      'aria-labelledby': `tab-${name}`,
      tabindex: '0',
      hidden: true,
    });
    const tab = h('button', {
      type: 'button',
      role: 'tab',
      id: `tab-${name}`,
      'aria-controls': `panel-${name}`,
      onclick: () => choose(name),
    });
    list.append(tab);
    element.append(panel);
    return { name, panel, tab, content: make(panel, page) };
  });
  let [[chosen]] = panels;

  function choose(name) {
    chosen = name;
    update();
  }

  function move(event) {
    const at = made.findIndex(({ name }) => name === chosen);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: made.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = made[(to + made.length) % made.length];
    choose(next.name);
    next.tab.focus();
  }

  function update() {
    set(element, { 'aria-label': page.t('tabs.title') });
    set(list, { 'aria-label': page.t('tabs.title') });
    for (const { name, panel, tab, content } of made) {
      const isChosen = name === chosen;
      say(tab, page.t(`panel.${name}`));
      set(tab, { 'aria-selected': String(isChosen), tabindex: isChosen ? '0' : '-1' });
      panel.hidden = !isChosen;
      if (isChosen) content.update();
    }
  }

  return { update, frame: () => made.find(({ name }) => name === chosen).content.frame?.(), choose };
}
