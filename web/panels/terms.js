// terms.js - how a term looks: one of eight colours (Okabe and Ito's palette, told apart by all kinds of eyes), always
// with its number beside it. Eight are as many as Figure 7 has terms; then they come round again.
export const COLOURS = 8;

export function termClass(term) {
  return term > 0 ? `term-${((term - 1) % COLOURS) + 1}` : 'term-0';
}
