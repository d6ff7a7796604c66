// The charts of the overview: throughput, queue by priority, waits, in a range of time.
import { html } from '../../core/html.js';
import { Chart } from '../../parts/chart.js';
import { RangeTabs, Recorded, chartData, useHistory } from '../../parts/history.js';
import { Section } from '../../parts/page.js';
import { Loaded } from '../../parts/states.js';

const BANDS = [
  ['queued_75_100', 'priority 75 to 100', 'bad'],
  ['queued_50_74', '50 to 74', 'accent'],
  ['queued_25_49', '25 to 49', 'good'],
  ['queued_0_24', '0 to 24', 'muted'],
];
const SERIES = ['claims', 'succeeded', 'failed', 'wait_p50_seconds', 'wait_p95_seconds', 'waiting', ...BANDS.map(([name]) => name)];

export function OverviewCharts() {
  const history = useHistory(SERIES);
  return html`<${Section} title="Over time" actions=${html`<${RangeTabs} />`}>
    <${Loaded} poll=${history} rows=${8}>${(data) => html`<${Charts} chart=${chartData(data)} />`}<//>
  <//>`;
}

function Charts({ chart }) {
  const { times, by, perMinute } = chart;
  if (chart.recorded === 0) return html`<${Recorded} chart=${chart} />`;
  return html`<div class="charts">
      <${Chart} title="Jobs a minute" times=${times} series=${[
        { label: 'claimed', values: perMinute('claims'), tone: 'accent' },
        { label: 'succeeded', values: perMinute('succeeded'), tone: 'good' },
        { label: 'failed', values: perMinute('failed'), tone: 'bad' },
      ]} />
      <${Chart} title="Queued jobs by priority" times=${times}
        series=${BANDS.map(([name, label, tone]) => ({ label, values: by[name], tone }))} />
      <${Chart} title="Wait of a claimable job for a worker, in seconds" times=${times} series=${[
        { label: 'median', values: by.wait_p50_seconds, tone: 'accent', unit: 's' },
        { label: '95%', values: by.wait_p95_seconds, tone: 'warn', unit: 's' },
      ]} />
      <${Chart} title="Waiting jobs" kind="area" times=${times} series=${[{ label: 'waiting', values: by.waiting, tone: 'muted' }]} />
    </div>
    <${Recorded} chart=${chart} />`;
}
