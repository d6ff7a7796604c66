// The charts of the overview: throughput, queue by priority, waits, in a range of time.
import { html } from '../../core/html.js';
import { number } from '../../core/format.js';
import { now } from '../../core/clock.js';
import { usePoll } from '../../core/poll.js';
import { Chart } from '../../parts/chart.js';
import { Section } from '../../parts/page.js';
import { Loaded } from '../../parts/states.js';
import { Tabs, useTab } from '../../parts/tabs.js';

const INTERVAL_SECONDS = 60; // the history has one row a minute
const HOUR = 3_600_000;
const RANGES = {
  '24h': { label: '24 hours', length: 24 * HOUR, step: '5m' },
  '1h': { label: '1 hour', length: HOUR, step: '1m' },
  '14d': { label: '14 days', length: 14 * 24 * HOUR, step: '1h' },
};
const BANDS = [
  ['queued_75_100', 'priority 75 to 100', 'bad'],
  ['queued_50_74', '50 to 74', 'accent'],
  ['queued_25_49', '25 to 49', 'good'],
  ['queued_0_24', '0 to 24', 'muted'],
];
const SERIES = ['claims', 'succeeded', 'failed', 'wait_p50_seconds', 'wait_p95_seconds', 'waiting', ...BANDS.map(([name]) => name)];

/** Return the begin of the range, rounded to its step, so that the address changes once a step. */
function beginOf({ length, step }) {
  const size = { '1m': 60_000, '5m': 300_000, '1h': HOUR }[step];
  return new Date(Math.floor((now() - length) / size) * size).toISOString();
}

export function OverviewCharts() {
  const range = RANGES[useTab('range', '24h')] ?? RANGES['24h'];
  const history = usePoll('/api/admin/history', {
    query: { series: SERIES.join(','), step: range.step, from: beginOf(range) },
    interval: INTERVAL_SECONDS,
    keep: true,
  });
  const tabs = html`<${Tabs} name="range" label="Range" items=${Object.entries(RANGES).map(([id, { label }]) => ({ id, label }))} />`;
  return html`<${Section} title="Over time" actions=${tabs}>
    <${Loaded} poll=${history} rows=${8}>${(data) => html`<${Charts} data=${data} />`}<//>
  <//>`;
}

function Charts({ data }) {
  const begin = Date.parse(data.from) / 1000;
  const times = data.minutes.map((_, at) => begin + at * data.step_seconds);
  const by = Object.fromEntries(data.series.map(({ name, points }) => [name, points]));
  const perMinute = (name) => by[name].map((sum, at) => (sum === null || !data.minutes[at] ? null : sum / data.minutes[at]));
  const recorded = data.minutes.reduce((sum, count) => sum + count, 0);
  if (recorded === 0) return html`<p class="quiet">Nothing is recorded in this range yet. A worker records one row a minute.</p>`;
  return html`<div class="charts">
    <${Chart} title="Jobs a minute" kind="line" times=${times} series=${[
      { label: 'claimed', values: perMinute('claims'), tone: 'accent' },
      { label: 'succeeded', values: perMinute('succeeded'), tone: 'good' },
      { label: 'failed', values: perMinute('failed'), tone: 'bad' },
    ]} />
    <${Chart} title="Queued jobs by priority" kind="line" times=${times}
      series=${BANDS.map(([name, label, tone]) => ({ label, values: by[name], tone }))} />
    <${Chart} title="Wait of a claimable job for a worker, in seconds" kind="line" times=${times} series=${[
      { label: 'median', values: by.wait_p50_seconds, tone: 'accent', unit: 's' },
      { label: '95%', values: by.wait_p95_seconds, tone: 'warn', unit: 's' },
    ]} />
    <${Chart} title="Waiting jobs" kind="area" times=${times} series=${[{ label: 'waiting', values: by.waiting, tone: 'muted' }]} />
  </div>
  ${recorded < data.minutes.length * (data.step_seconds / 60) &&
  html`<p class="quiet">${number(recorded)} of ${number((data.minutes.length * data.step_seconds) / 60)} minutes are recorded. Gaps are minutes without a running worker.</p>`}`;
}
