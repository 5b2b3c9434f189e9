// terms.js - how a term looks: one of seven colours (of Okabe and Ito's palette, told apart by all kinds of eyes), always
// with its number beside it. Neighbouring terms differ; the colours come round again after seven.
export function termClass(term) {
  return term > 0 ? `term-${((term - 1) % 7) + 1}` : 'term-0';
}
