// story.js - what the page must know of a scenario's text: its title, its branches, its steps' names.
//
// docs/scenarios.md has the grammar. Everything else about it is the player's business.

// The words of a line, without its comment.
function words(line) {
  return line
    .replace(/#(?!\d).*/, '')
    .trim()
    .split(/\s+/);
}

export function title(text) {
  const line = text.split('\n').find((line) => /^\s*title\s/.test(line));
  return line
    ? line
        .replace(/#(?!\d).*/, '')
        .trim()
        .replace(/^title\s+/, '')
    : '';
}

// The branches of a text: name, and the words behind it.
export function branches(text) {
  return text
    .split('\n')
    .map(words)
    .filter(([verb]) => verb === 'branch')
    .map(([, name, ...rest]) => ({ name, text: rest.join(' ') }));
}

// The text with this one branch as its end: one story, that can be continued. Line numbers stay what they were.
export function choose(text, branch) {
  let at = null;
  return text
    .split('\n')
    .map((line) => {
      const [verb, name] = words(line);
      if (verb === 'branch') {
        at = name;
        return name === branch ? `# ${line.trim()}` : '';
      }
      if (at === null) return line;
      return at === branch ? line.replace(/^\s+/, '') : '';
    })
    .join('\n')
    .replace(/\n+$/, '\n');
}

// The number, from 1, of the last line `at NAME`; 0 if there is none.
export function lineAt(text, name) {
  return (
    text.split('\n').findLastIndex((line) => {
      const [verb, step] = words(line);
      return verb === 'at' && step === name;
    }) + 1
  );
}

// A line's own words, for people.
export function line(text, number) {
  return (text.split('\n')[number - 1] ?? '').trim();
}
