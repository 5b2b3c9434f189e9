// numbers.js - numbers and times as people read them.

export function number(page, value) {
  return Math.round(value).toLocaleString(page.language);
}

// Microseconds, in the unit that leaves few digits: "812 ms", "1.2 s", "85 µs".
export function duration(page, us) {
  if (us === 0) return '0 s';
  const [value, unit] = us >= 1e6 ? [us / 1e6, 's'] : us >= 1000 ? [us / 1000, 'ms'] : [us, 'µs'];
  const digits = value < 10 && unit !== 'µs' ? 1 : 0;
  return `${value.toLocaleString(page.language, { maximumFractionDigits: digits })} ${unit}`;
}

// The time of day of a wall clock's microseconds.
export function clock(page, wall_us) {
  return new Date(wall_us / 1000).toLocaleTimeString(page.language, { hour12: false });
}

// "4 s", "3 min", "2 h"
export function seconds(page, value) {
  const [count, unit] = value < 120 ? [value, 's'] : value < 7200 ? [value / 60, 'min'] : [value / 3600, 'h'];
  return `${Math.max(1, Math.round(count)).toLocaleString(page.language)} ${unit}`;
}
