// The last 20 finished crawls of a subreddit: duration, requests, items, and the intervals between them.
import { html } from '../../core/html.js';
import { duration, number, words } from '../../core/format.js';
import { Chart } from '../../parts/chart.js';
import { DataTable } from '../../parts/data_table.js';
import { JobLink } from '../../parts/links.js';
import { Section } from '../../parts/page.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';

const COLUMNS = [
  { id: 'job', title: 'Job', cell: (row) => html`<${JobLink} id=${row.id} />` },
  {
    id: 'status',
    title: 'State',
    cell: (row) => html`<span><${Status} value=${row.status} note=${words(row.outcome ?? row.error_kind ?? '')} />
      ${row.incomplete && html` <${Status} kind="check" value="warning" label="incomplete" />`}</span>`,
  },
  { id: 'source', title: 'Source', cell: (row) => words(row.source) },
  { id: 'ended', title: 'Finished', cell: (row) => html`<${Time} at=${row.finished_at} kind="relative" />`, sortBy: (row) => row.finished_at },
  { id: 'length', title: 'Held by workers', numeric: true, cell: (row) => duration(row.duration_seconds), sortBy: (row) => row.duration_seconds },
  { id: 'requests', title: 'Requests', numeric: true, cell: (row) => number(row.requests), sortBy: (row) => row.requests },
  { id: 'items', title: 'Items read', numeric: true, cell: (row) => number(row.items), sortBy: (row) => row.items },
];

const LEAST_POINTS = 3;

/** The hours between each crawl and the one before it, at the end of each crawl. */
function Intervals({ crawls }) {
  const ends = crawls.filter((row) => row.status === 'succeeded').map((row) => Date.parse(row.finished_at) / 1000).sort((a, b) => a - b);
  if (ends.length < LEAST_POINTS) return null;
  const hours = ends.slice(1).map((end, at) => Math.round((end - ends[at]) / 360) / 10);
  return html`<${Chart} title="Hours between successful crawls" times=${ends.slice(1)} height=${120}
    series=${[{ label: 'hours', values: hours, tone: 'accent', unit: 'h' }]} />`;
}

export function Crawls({ crawls }) {
  return html`<${Section} title="Last 20 crawls">
    ${crawls.length === 0
      ? html`<p class="quiet">No crawl has ended yet. Finished jobs are pruned after some time (30 days by default).</p>`
      : html`<${Intervals} crawls=${crawls} />
          <${DataTable} caption="Last crawls" columns=${COLUMNS} rows=${crawls} />`}
  <//>`;
}
