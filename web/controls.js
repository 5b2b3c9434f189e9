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
    if (name) await page.trail.go(`#${name}`, () => page.loadNamed(name));
  }

  async function open(chosen) {
    file.value = '';
    if (!chosen) return;
    if (chosen.size > SIZE_MAX) page.oncomplain(page.t('error.too-long'));
    else {
      const text = await chosen.text();
      await page.trail.go('', () => page.load(text, {}));
    }
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

// Where the story's rules are others than the server's, words beside the name say which, and beside the rule what the
// server does.
function rulesPart(page) {
  const name = h('span', {});
  const others = h('span', { class: 'others' });
  const summary = h('summary', {}, h('span', {}, name, others));
  const box = (option, on, off) => {
    const input = h('input', {
      type: 'checkbox',
      onchange: () => page.change(() => page.source.option(option, input.checked ? on : off)),
    });
    const read = (value) => (input.checked = value === on);
    return { option, usual: on, read, ...ruleOf((words) => [input, words]) };
  };
  const repair = h('select', { onchange: () => page.change(() => page.source.option('repair', repair.value)) });
  const rules = [
    box('pre-vote', 'on', 'off'),
    box('check-quorum', 'on', 'off'),
    box('commit-any-term', 'never', 'unsafe'),
    { option: 'repair', usual: 'outline', read: readRepair, ...ruleOf((words) => [words, repair]) },
  ];
  const popover = h('div', { class: 'popover' }, rules.map((one) => one.element));
  const element = h('details', { class: 'menu' }, summary, popover);
  closeElsewhere(element);

  function readRepair(value) {
    if (repair.language !== page.language) {
      repair.language = page.language;
      put(
        repair,
        ['outline', 'term', 'one'].map((way) => h('option', { value: way }, page.t(`option.repair.${way}`))),
      );
    }
    repair.value = value;
  }

  function update() {
    const changed = rules.filter(({ option, usual }) => page.view.options[option] !== usual);
    say(name, page.t('toolbar.rules'));
    const names = changed.map(({ option }) => page.t(`option.${option}.other`)).join(page.t('toolbar.rules.and'));
    say(others, names && page.t('toolbar.rules.are', names));
    set(summary, { title: page.t(changed.length > 0 ? 'toolbar.rules.others' : 'toolbar.rules.why') });
    for (const rule of rules) {
      const { option, words, why, server } = rule;
      rule.read(page.view.options[option]);
      say(words, page.t(`option.${option}`));
      say(why, page.t(`option.${option}.why`));
      say(server, changed.includes(rule) ? page.t(`option.${option}.server`) : '');
    }
  }

  return { element, update };
}

// A rule's name and what is to be said of it, with what chooses it before or after.
function ruleOf(arrange) {
  const [words, why, server] = [h('strong', {}), h('small', {}), h('small', { class: 'server' })];
  return { words, why, server, element: h('label', { class: 'rule' }, arrange(h('span', {}, words, why, server))) };
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
    let failure;
    await page.trail.go('', async () => !(failure = await page.tryLoad(text.value, {})));
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
