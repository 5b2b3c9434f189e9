// story.js - what the page must know of a scenario's text: its title, its steps' names, its lines.
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

// The number of the line in which the story says what happened in this one: words follow what they are about.
function toldBy(lines, number) {
  let told = number;
  for (let k = number; k < lines.length && !['at', 'branch'].includes(words(lines[k])[0]); k++)
    if (words(lines[k])[0] === 'say') told = k + 1;
  return told;
}

// Where the story's steps of this name end, and what is said of them: by the last line `at NAME` of the common part or
// of the branch, or, if those have none, of the first branch that has one. {line, branch}; null if there is none.
export function placeOf(text, name, branch) {
  let inside = null;
  const lines = text.split('\n');
  const places = lines.flatMap((line, k) => {
    const [verb, word] = words(line);
    if (verb === 'branch') inside = word;
    return verb === 'at' && word === name ? [{ line: toldBy(lines, k + 1), branch: inside }] : [];
  });
  const own = places.findLast((place) => place.branch === null || place.branch === branch);
  return own ?? places.findLast((place) => place.branch === places[0].branch) ?? null;
}

// A line's own words, for people.
export function line(text, number) {
  return (text.split('\n')[number - 1] ?? '').trim();
}
