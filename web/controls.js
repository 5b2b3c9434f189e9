// controls.js - the playground's toolbar and its drawer: which story is played, by which rules, and its text.
//
// The whole state of a playground is its scenario text. So saving is saving the text, sharing is a link with the text
// in it, and undoing is playing the text of before.
import { h, put, say, set } from './dom.js';
import { icon } from './icons.js';
import { encode } from './link.js';
import { closeElsewhere } from './popup.js';
import { title } from './story.js';

const SIZE_MAX = 1 << 20;

export function create(element, page) {
  const chooser = h('select', { class: 'scenario', onchange: choose });
  const branch = h('select', { onchange: () => page.useBranch(branch.value) });
  const file = h('input', {
    type: 'file',
    accept: '.txt,text/plain',
    hidden: true,
    onchange: () => open(file.files[0]),
  });
  const buttons = {
    story: h('button', { type: 'button', 'aria-expanded': 'false', onclick: () => page.toggleStory() }),
    undo: h('button', { type: 'button', onclick: () => page.undo() }),
    save: h('button', { type: 'button', onclick: save }),
    open: h('button', { type: 'button', onclick: () => file.click() }),
  };
  const chooserWords = h('span', {});
  const branchWords = h('span', {});
  const branchLabel = h('label', {}, branchWords, branch);
  const rules = rulesPart(page);
  const share = sharePart(page);
  element.append(
    h('label', {}, chooserWords, chooser),
    branchLabel,
    buttons.undo,
    rules.element,
    h('span', { class: 'gap' }),
    buttons.story,
    buttons.open,
    file,
    buttons.save,
    share.element,
  );
  let drawn = '';

  function update() {
    set(element, { 'aria-label': page.t('toolbar.title') });
    drawChooser();
    for (const [name, button] of Object.entries(buttons)) {
      say(button, page.t(`toolbar.${name}`));
      set(button, { title: page.t(`toolbar.${name}.why`) });
    }
    set(buttons.undo, { disabled: page.past.length === 0 });
    set(buttons.story, { 'aria-expanded': String(page.storyIsOpen) });
    rules.update();
    share.update();
  }

  function drawChooser() {
    const signature = `${page.language} ${page.name} ${page.scenarios.length} ${page.epoch}`;
    if (signature === drawn) return;
    drawn = signature;
    say(chooserWords, page.t('toolbar.scenario'));
    say(branchWords, page.t('toolbar.branch'));
    const groups = Map.groupBy?.(page.scenarios, (one) => one.group) ?? groupBy(page.scenarios);
    put(
      chooser,
      page.name
        ? null
        : h('option', { value: '', selected: true }, title(page.source.text) || page.t('toolbar.own')),
      [...groups].map(([group, ones]) =>
        h(
          'optgroup',
          { label: page.t(`group.${group}`) },
          ones.map((one) =>
            h('option', { value: nameOf(one), selected: nameOf(one) === page.name }, one.title[page.language]),
          ),
        ),
      ),
    );
    const { branches, branchTitles, branch: played } = page.source;
    set(branchLabel, { hidden: branches.length < 2 });
    put(
      branch,
      branches.map((name, k) =>
        h('option', { value: name, selected: name === played }, branchTitles[k] ? `${name}: ${branchTitles[k]}` : name),
      ),
    );
  }

  async function choose() {
    const name = chooser.value;
    if (name && (await page.loadNamed(name))) history.replaceState(null, '', `#${name}`);
  }

  async function open(chosen) {
    file.value = '';
    if (!chosen) return;
    if (chosen.size > SIZE_MAX) page.oncomplain(page.t('error.too-long'));
    else await page.load(await chosen.text(), {});
  }

  function save() {
    const link = h('a', {
      download: `${page.name || 'story'}.txt`,
      href: URL.createObjectURL(new Blob([page.source.text], { type: 'text/plain' })),
    });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  return { update };
}

// ---- sharing

// The link is copied, and shown, for where copying is not allowed. The address stays what it was: the story goes on.
function sharePart(page) {
  const summary = h('summary', {});
  const words = h('p', { class: 'note', role: 'status' });
  const link = h('input', { type: 'text', readonly: true, class: 'wide', onfocus: () => link.select() });
  const element = h('details', { class: 'menu', ontoggle: () => element.open && make() }, summary,
    h('div', { class: 'popover to-the-left' }, words, link));
  closeElsewhere(element);

  async function make() {
    say(words, '');
    const address = new URL(location.href);
    address.hash = await encode(page.source.text, page.position, page.source.branch);
    link.value = address.href;
    link.focus();
    const isCopied = await copy(address.href);
    say(words, page.t(isCopied ? 'share.copied' : 'share.copy', page.position));
  }

  function update() {
    say(summary, page.t('toolbar.share'));
    set(summary, { title: page.t('toolbar.share.why') });
    set(link, { 'aria-label': page.t('share.link') });
  }

  return { element, update };
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function nameOf(scenario) {
  return scenario.file.replace(/\.txt$/, '');
}

function groupBy(scenarios) {
  const groups = new Map();
  for (const one of scenarios) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  return groups;
}

// ---- the rules that can be changed

function rulesPart(page) {
  const summary = h('summary', {});
  const box = (option, on, off) => {
    const input = h('input', {
      type: 'checkbox',
      onchange: () => page.change(() => page.source.option(option, input.checked ? on : off)),
    });
    const words = h('strong', {});
    const why = h('small', {});
    return { option, on, input, words, why, element: h('label', { class: 'rule' }, input, h('span', {}, words, why)) };
  };
  const boxes = [
    box('pre-vote', 'on', 'off'),
    box('check-quorum', 'on', 'off'),
    box('commit-any-term', 'never', 'unsafe'),
  ];
  const repair = h('select', { onchange: () => page.change(() => page.source.option('repair', repair.value)) });
  const repairWords = h('strong', {});
  const repairWhy = h('small', {});
  const element = h(
    'details',
    { class: 'menu' },
    summary,
    h(
      'div',
      { class: 'popover' },
      boxes.map((one) => one.element),
      h('label', { class: 'rule' }, h('span', {}, repairWords, repairWhy), repair),
    ),
  );
  closeElsewhere(element);

  function update() {
    const { options } = page.view;
    say(summary, page.t('toolbar.rules'));
    for (const { option, on, input, words, why } of boxes) {
      const isOn = (options[option] ?? on) === on;
      if (input.checked !== isOn) input.checked = isOn;
      say(words, page.t(`option.${option}`));
      say(why, page.t(`option.${option}.why`));
    }
    say(repairWords, page.t('option.repair'));
    say(repairWhy, page.t('option.repair.why'));
    if (repair.language !== page.language) {
      repair.language = page.language;
      put(
        repair,
        ['outline', 'term', 'one'].map((value) => h('option', { value }, page.t(`option.repair.${value}`))),
      );
    }
    const wanted = options.repair ?? 'outline';
    if (repair.value !== wanted) repair.value = wanted;
    summary.classList.toggle(
      'changed',
      (options['pre-vote'] ?? 'on') !== 'on' ||
        (options['check-quorum'] ?? 'on') !== 'on' ||
        (options['commit-any-term'] ?? 'never') !== 'never' ||
        wanted !== 'outline',
    );
  }

  return { element, update };
}

// ---- the story's text

export function createStory(element, page) {
  const heading = h('h2', {});
  const shut = h('button', { type: 'button', class: 'quiet', onclick: () => page.toggleStory() }, icon('close'));
  const words = h('p', { class: 'note' });
  const text = h('textarea', {
    spellcheck: 'false',
    autocomplete: 'off',
    wrap: 'off',
    oninput: () => {
      state.edited = true;
      buttons();
    },
    onkeydown: (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) apply();
    },
  });
  const error = h('p', { class: 'error', role: 'alert', hidden: true });
  const play = h('button', { type: 'button', class: 'primary', onclick: apply });
  const revert = h('button', {
    type: 'button',
    onclick: () => {
      state.edited = false;
      complain('');
      update();
    },
  });
  const state = { edited: false, shown: null };
  element.append(h('header', {}, heading, shut), words, text, error, h('div', { class: 'row' }, play, revert));

  function update() {
    if (page.source.kind !== 'playground') return;
    set(element, { 'aria-label': page.t('story.title') });
    say(heading, page.t('story.title'));
    say(words, page.t('story.words'));
    say(play, page.t('story.play'));
    say(revert, page.t('story.revert'));
    set(shut, { 'aria-label': page.t('close'), title: page.t('close') });
    set(text, { 'aria-label': page.t('story.title') });
    if (!state.edited && page.storyIsOpen && text.value !== page.source.text) {
      text.value = page.source.text;
      complain('');
    }
    if (page.storyIsOpen && !state.edited && state.shown !== page.position) showLine();
    buttons();
  }

  function buttons() {
    set(play, { disabled: !state.edited });
    set(revert, { disabled: !state.edited });
  }

  // Brings the line that is played into sight, and selects it.
  function showLine() {
    state.shown = page.position;
    const number = page.source.lineOf(page.position);
    if (number === 0 || document.activeElement === text) return;
    const lines = text.value.split('\n');
    const begin = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
    text.setSelectionRange(begin, begin + lines[number - 1].length);
    text.scrollTop = Math.max(0, ((number - 4) * text.scrollHeight) / lines.length);
  }

  async function apply() {
    const failure = await page.tryLoad(text.value, {});
    complain(failure ?? '');
    if (failure) return;
    state.edited = false;
    update();
  }

  function complain(words) {
    set(error, { hidden: !words });
    say(error, words);
  }

  return { update };
}
