// icons.js - the few signs on buttons. They are decoration: each button has its name in words.
import { svg } from './dom.js';

const PATHS = {
  play: 'M7 4.5v15l12-7.5Z',
  pause: 'M6.5 5h3.5v14H6.5ZM14 5h3.5v14H14Z',
  back: 'M16 5.5v13L7 12Z',
  forward: 'M8 5.5v13l9-6.5Z',
  first: 'M19 5.5v13L10 12ZM6 5.5h2.5v13H6Z',
  last: 'M5 5.5v13l9-6.5ZM15.5 5.5H18v13h-2.5Z',
  close: 'M6.4 5 12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6 10.6 12 5 6.4Z',
  sun: 'M12 7.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM11 2h2v3h-2ZM11 19h2v3h-2ZM2 11h3v2H2ZM19 11h3v2h-3ZM4.2 5.6l1.4-1.4 2.1 2.1-1.4 1.4ZM16.3 17.7l1.4-1.4 2.1 2.1-1.4 1.4ZM4.2 18.4l2.1-2.1 1.4 1.4-2.1 2.1ZM16.3 6.3l2.1-2.1 1.4 1.4-2.1 2.1Z',
  moon: 'M20 14.6A8.5 8.5 0 0 1 9.4 4a8.5 8.5 0 1 0 10.6 10.6Z',
  book: 'M3 5.2C6 4 9 4 11.2 5.4v14C9 18 6 18 3 19.2ZM12.8 5.4C15 4 18 4 21 5.2v14c-3-1.2-6-1.2-8.2.2Z',
};

export function icon(name) {
  return svg('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: PATHS[name] }));
}
