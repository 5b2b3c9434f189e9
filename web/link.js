// link.js - a scenario text as the fragment of a link, and back.
//
// The fragment is "text=" and the text, deflated, in base64url, then "&step=" and the step to show, and, if one
// is played, "&branch=" and its name. Nothing is sent to
// anybody: browsers keep fragments to themselves. Whoever opens a link has bytes from outside, so what they unfold to
// has a limit.

const FORM = /^text=([\w-]+)(?:&step=(\d{1,9}))?(?:&branch=([^&]+))?$/;
const TEXT_MAX = 1 << 20;

export async function encode(text, step, branch) {
  const bytes = await collect(new Blob([text]).stream().pipeThrough(new CompressionStream('deflate')), Infinity);
  let letters = '';
  for (const byte of bytes) letters += String.fromCharCode(byte);
  const base = btoa(letters).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  return `text=${base}&step=${step}${branch ? `&branch=${encodeURIComponent(branch)}` : ''}`;
}

// {text, step, branch}; branch is null if none is named. Throws if the fragment is nothing that encode() made.
export async function decode(fragment) {
  const form = FORM.exec(fragment);
  if (!form) throw new SyntaxError('not a whole link');
  const letters = atob(form[1].replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const text = new TextDecoder('utf-8', { fatal: true }).decode(await collect(stream, TEXT_MAX));
  return { text, step: Number(form[2] ?? 0), branch: form[3] ? decodeURIComponent(form[3]) : null };
}

async function collect(stream, limit) {
  const parts = [];
  let size = 0;
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return join(parts, size);
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      throw new RangeError('longer than a scenario may be');
    }
    parts.push(value);
  }
}

function join(parts, size) {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
