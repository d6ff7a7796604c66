// Texts of numbers, sizes, durations and words.

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
const one = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });
const NONE = '–';
const UNITS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'm'],
  [1, 's'],
];

const isNone = (value) => value === null || value === undefined || Number.isNaN(value);

/** 1234 -> 1,234 */
export const number = (value) => (isNone(value) ? NONE : whole.format(value));

/** 12345 -> 12.3k */
export const shortNumber = (value) => (isNone(value) ? NONE : short.format(value).replace('K', 'k'));

/** 0.286 -> 0.3 */
export const tenths = (value) => (isNone(value) ? NONE : one.format(value));

/** 2150 -> 2.1 KB */
export function bytes(value) {
  if (isNone(value)) return NONE;
  let left = value;
  for (const unit of ['B', 'KB', 'MB', 'GB']) {
    if (left < 1024) return `${unit === 'B' ? whole.format(left) : one.format(left)} ${unit}`;
    left /= 1024;
  }
  return `${one.format(left)} TB`;
}

/** 0.123 -> 12.3% */
export const percent = (share) => (isNone(share) ? NONE : `${one.format(share * 100)}%`);

/** 75 -> 1m 15s; the two largest units. Below a second: 120 ms. */
export function duration(seconds) {
  if (isNone(seconds)) return NONE;
  if (seconds < 0) return `-${duration(-seconds)}`;
  if (seconds < 1) return seconds === 0 ? '0s' : `${Math.max(1, Math.round(seconds * 1000))} ms`;
  let left = Math.round(seconds);
  const parts = [];
  for (const [size, unit] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length === 1) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** 75 -> 1m; the largest unit alone. */
export const age = (seconds) => duration(seconds).split(' ')[0].replace(/^(\d+)$/, '$1 ms');

/** plural(3, 'job') -> 3 jobs; plural(2, 'entry', 'entries') -> 2 entries */
export const plural = (count, noun, nouns = `${noun}s`) =>
  `${number(count)} ${count === 1 ? noun : nouns}`;

/** rate_limited -> rate limited */
export const words = (value) => (isNone(value) ? NONE : String(value).replace(/[_.]+/g, ' '));

/** Words with a capital at the start. */
export function title(value) {
  const text = words(value);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The first characters of a text, with an ellipsis if some are missing. */
export function clip(value, length = 80) {
  const text = String(value ?? '');
  const letters = [...text.slice(0, length * 2 + 2)];
  return letters.length > length ? `${letters.slice(0, length - 1).join('')}…` : text;
}
