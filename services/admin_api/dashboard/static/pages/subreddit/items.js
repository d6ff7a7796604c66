// The stored items of the last 14 days, by the day on which they were written.
import { html } from '../../core/html.js';
import { Chart } from '../../parts/chart.js';
import { Section } from '../../parts/page.js';

const DAYS = 14;
const DAY_SECONDS = 86_400;

/** Return each of the last 14 days (UTC) with its numbers; days without an item have zeros. */
function daysOf({ items_by_day: days, as_of: asOf }) {
  const known = new Map(days.map((day) => [day.day, day]));
  const today = Math.floor(Date.parse(asOf) / 1000 / DAY_SECONDS) * DAY_SECONDS;
  return Array.from({ length: DAYS }, (_, at) => {
    const time = today - (DAYS - 1 - at) * DAY_SECONDS;
    const found = known.get(new Date(time * 1000).toISOString().slice(0, 10));
    return { time, posts: found?.posts ?? 0, comments: found?.comments ?? 0 };
  });
}

export function ItemsByDay({ subreddit }) {
  const days = daysOf(subreddit);
  const isEmpty = subreddit.items_by_day.length === 0;
  return html`<${Section} title="Items by day">
    ${isEmpty
      ? html`<p class="quiet">No stored item was written in the last ${DAYS} days.</p>`
      : html`<${Chart} title="Items of the last 14 days, by the day of their creation (UTC)" times=${days.map((day) => day.time)} series=${[
          { label: 'comments', values: days.map((day) => day.comments), tone: 'accent' },
          { label: 'posts', values: days.map((day) => day.posts), tone: 'good' },
        ]} />`}
  <//>`;
}
