// How late the crawls of a subreddit are: a class with its words, and the age in wanted intervals.
import { html } from '../core/html.js';
import { duration, tenths } from '../core/format.js';
import { Status, toneOf } from './status.js';

/** The classes, the worst first: [name, label, meaning]. */
export const LATENESS = [
  ['very_late', 'Very late', 'more than 3 wanted intervals old'],
  ['late', 'Late', '1.5 to 3 wanted intervals old'],
  ['due', 'Due', '1 to 1.5 wanted intervals old'],
  ['fresh', 'Fresh', 'the next crawl is not due yet'],
  ['never', 'Never crawled', 'known, but without a crawl'],
  ['unplanned', 'Not planned', 'crawled on request only'],
];
const LABELS = Object.fromEntries(LATENESS);

export const latenessLabel = (name) => LABELS[name] ?? name;
export const latenessTone = (name) => toneOf('lateness', name);

const [DUE, LATE, VERY_LATE] = [1, 1.5, 3]; // wanted intervals; the API has the same limits

/** Return the class of a subreddit whose answer has the two times alone. `at` is in milliseconds. */
export function latenessOf({ last_crawled_at: last, next_crawl_at: next }, at) {
  if (last === null) return 'never';
  if (next === null) return 'unplanned';
  const wanted = Date.parse(next) - Date.parse(last);
  if (wanted <= 0) return Date.parse(next) <= at ? 'due' : 'fresh';
  const ratio = (at - Date.parse(last)) / wanted;
  if (ratio < DUE) return 'fresh';
  if (ratio <= LATE) return 'due';
  return ratio <= VERY_LATE ? 'late' : 'very_late';
}

/** The class, with "2.4 × 6h": the age in wanted intervals, and the length of one. */
export function Freshness({ of: freshness }) {
  const { lateness, ratio, wanted_seconds: wanted } = freshness;
  const note = ratio === null ? null : `${tenths(ratio)} × ${duration(wanted)}`;
  return html`<${Status} kind="lateness" value=${lateness} label=${latenessLabel(lateness)} note=${note} />`;
}
