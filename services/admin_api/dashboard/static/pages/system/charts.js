// The size of the database and the dead rows of the table of jobs over time.
import { html } from '../../core/html.js';
import { Chart } from '../../parts/chart.js';
import { RangeTabs, Recorded, chartData, useHistory } from '../../parts/history.js';
import { Section } from '../../parts/page.js';
import { Loaded } from '../../parts/states.js';

const MEGABYTE = 1024 * 1024;

export function SystemCharts() {
  const history = useHistory(['database_bytes', 'dead_rows']);
  return html`<${Section} title="Over time" actions=${html`<${RangeTabs} />`}>
    <${Loaded} poll=${history} rows=${6}>
      ${(data) => {
        const chart = chartData(data);
        if (chart.recorded === 0) return html`<${Recorded} chart=${chart} />`;
        const megabytes = chart.by.database_bytes.map((value) => (value === null ? null : value / MEGABYTE));
        return html`<div class="charts">
            <${Chart} title="Size of the database" kind="area" times=${chart.times} series=${[{ label: 'size', values: megabytes, tone: 'accent', unit: 'MB' }]} />
            <${Chart} title="Dead rows of the table of jobs" times=${chart.times} series=${[{ label: 'dead rows', values: chart.by.dead_rows, tone: 'warn' }]} />
          </div>
          <${Recorded} chart=${chart} />`;
      }}
    <//>
  <//>`;
}
