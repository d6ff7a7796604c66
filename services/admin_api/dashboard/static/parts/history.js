// Series of the history for charts: the request, the times, and rates by minute.
import { html } from '../core/html.js';
import { now } from '../core/clock.js';
import { number } from '../core/format.js';
import { usePoll } from '../core/poll.js';
import { Tabs, useTab } from './tabs.js';

const INTERVAL_SECONDS = 60; // the history has one row a minute
const HOUR = 3_600_000;
const STEPS = { '1m': 60_000, '5m': 300_000, '1h': HOUR };
const RANGES = {
  '24h': { label: '24 hours', length: 24 * HOUR, step: '5m' },
  '1h': { label: '1 hour', length: HOUR, step: '1m' },
  '14d': { label: '14 days', length: 14 * 24 * HOUR, step: '1h' },
};

/** The tabs that choose the range of all charts of a page. The choice is in the address. */
export const RangeTabs = () =>
  html`<${Tabs} name="range" label="Range" items=${Object.entries(RANGES).map(([id, { label }]) => ({ id, label }))} />`;

/** Poll these series in the chosen range. */
export function useHistory(series, query = {}) {
  const { length, step } = RANGES[useTab('range', '24h')] ?? RANGES['24h'];
  // The begin is rounded to a step, so that the address changes once a step.
  const from = new Date(Math.floor((now() - length) / STEPS[step]) * STEPS[step]).toISOString();
  return usePoll('/api/admin/history', {
    query: { ...query, series: series.join(','), step, from },
    interval: INTERVAL_SECONDS,
    keep: true,
  });
}

/** Return { times, by, perMinute(name), recorded, wanted } of an answer. */
export function chartData(data) {
  const begin = Date.parse(data.from) / 1000;
  const by = Object.fromEntries(data.series.map(({ name, points }) => [name, points]));
  return {
    times: data.minutes.map((_, at) => begin + at * data.step_seconds),
    by,
    perMinute: (name) =>
      by[name].map((sum, at) => (sum === null || !data.minutes[at] ? null : sum / data.minutes[at])),
    recorded: data.minutes.reduce((sum, count) => sum + count, 0),
    wanted: (data.minutes.length * data.step_seconds) / 60,
  };
}

/** Says that minutes are missing, or that nothing is recorded. */
export function Recorded({ chart }) {
  const { recorded, wanted } = chart;
  if (recorded === 0) return html`<p class="quiet">Nothing is recorded in this range yet. A worker records one row a minute.</p>`;
  if (recorded >= wanted) return null;
  return html`<p class="quiet">${number(recorded)} of ${number(wanted)} minutes are recorded. Gaps are minutes without a running worker.</p>`;
}
