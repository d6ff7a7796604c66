// The attempts of one webhook by hour: how many succeeded, and how long the answers took.
import { html } from '../../core/html.js';
import { now } from '../../core/clock.js';
import { usePoll } from '../../core/poll.js';
import { Chart } from '../../parts/chart.js';
import { Recorded, chartData } from '../../parts/history.js';
import { Section } from '../../parts/page.js';
import { Loaded } from '../../parts/states.js';
import { Tabs, useTab } from '../../parts/tabs.js';

const HOUR = 3_600_000;
const SERIES = 'attempts,attempts_failed,attempt_p50_ms,attempt_p95_ms';
const RANGES = [{ id: '24h', label: '24 hours' }, { id: '14d', label: '14 days' }];

export function AttemptCharts({ id }) {
  const hours = useTab('range', '24h') === '14d' ? 14 * 24 : 24;
  const from = new Date(Math.floor(now() / HOUR) * HOUR - (hours - 1) * HOUR).toISOString();
  const query = { series: SERIES, endpoint_id: id, step: '1h', from };
  const history = usePoll('/api/admin/history', { query, interval: 60, keep: true });
  return html`<${Section} title="Attempts by hour" actions=${html`<${Tabs} name="range" label="Range" items=${RANGES} />`}>
    <${Loaded} poll=${history} rows=${8}>${(data) => html`<${Charts} chart=${chartData(data)} />`}<//>
  <//>`;
}

function Charts({ chart }) {
  const { times, by } = chart;
  if (chart.recorded === 0) return html`<${Recorded} chart=${chart} />`;
  if (!by.attempts.some((count) => count > 0)) return html`<p class="quiet">No attempt in this range.</p>`;
  const succeeded = by.attempts.map((all, at) => (all === null ? null : all - (by.attempts_failed[at] ?? 0)));
  return html`<div class="charts">
      <${Chart} title="Attempts an hour" times=${times} series=${[
        { label: 'succeeded', values: succeeded, tone: 'good' },
        { label: 'failed', values: by.attempts_failed, tone: 'bad' },
      ]} />
      <${Chart} title="Duration of an attempt, in milliseconds" times=${times} series=${[
        { label: 'median', values: by.attempt_p50_ms, tone: 'accent', unit: 'ms' },
        { label: '95%', values: by.attempt_p95_ms, tone: 'warn', unit: 'ms' },
      ]} />
    </div>
    <${Recorded} chart=${chart} />`;
}
