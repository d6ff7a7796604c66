// Requests to Reddit by source against the limit, refusals, and pauses over time.
import { html } from '../../core/html.js';
import { Chart } from '../../parts/chart.js';
import { RangeTabs, Recorded, chartData, useHistory } from '../../parts/history.js';
import { Section } from '../../parts/page.js';
import { Loaded } from '../../parts/states.js';

const WINDOW_MINUTES = 10;
const SOURCES = [
  ['requests_user', 'people', 'accent'],
  ['requests_schedule', 'schedules', 'good'],
  ['requests_discovery', 'discovery', 'warn'],
  ['requests_stale', 'stale subreddits', 'muted'],
  ['requests_upkeep', 'upkeep', 'neutral'],
];
const SERIES = [...SOURCES.map(([name]) => name), 'others', 'throttled', 'failures', 'rate_limited_minutes', 'outage_minutes', 'refused_minutes', 'usable'];

export function BudgetCharts() {
  const history = useHistory(SERIES);
  return html`<${Section} title="Over time" actions=${html`<${RangeTabs} />`}>
    <${Loaded} poll=${history} rows=${8}>${(data) => html`<${Charts} chart=${chartData(data)} />`}<//>
  <//>`;
}

function Charts({ chart }) {
  const { times, by, perMinute } = chart;
  if (chart.recorded === 0) return html`<${Recorded} chart=${chart} />`;
  const limit = by.usable.map((usable) => (usable === null ? null : usable / WINDOW_MINUTES));
  return html`<div class="charts">
      <${Chart} title="Requests a minute by source, and the limit" times=${times} series=${[
        ...SOURCES.map(([name, label, tone]) => ({ label, values: perMinute(name), tone })),
        { label: '97% of the limit', values: limit, tone: 'bad' },
      ]} />
      <${Chart} title="429 and failures a minute" times=${times} series=${[
        { label: '429', values: perMinute('throttled'), tone: 'bad' },
        { label: 'failures', values: perMinute('failures'), tone: 'warn' },
        { label: 'requests of others', values: perMinute('others'), tone: 'muted' },
      ]} />
      <${Chart} title="Share of minutes in a pause" times=${times} series=${[
        { label: 'rate limit', values: perMinute('rate_limited_minutes'), tone: 'warn' },
        { label: 'outage', values: perMinute('outage_minutes'), tone: 'bad' },
        { label: 'refused', values: perMinute('refused_minutes'), tone: 'accent' },
      ]} />
    </div>
    <${Recorded} chart=${chart} />`;
}
