// The processes of all services, and the crawls that each one holds with the rest of their leases.
import { html } from '../core/html.js';
import { plural, words } from '../core/format.js';
import { now, useNow } from '../core/clock.js';
import { usePoll } from '../core/poll.js';
import { Chart } from '../parts/chart.js';
import { DataTable } from '../parts/data_table.js';
import { RangeTabs, Recorded, chartData, useHistory } from '../parts/history.js';
import { JobLink, SubredditLink } from '../parts/links.js';
import { Page, Section } from '../parts/page.js';
import { Progress } from '../parts/progress.js';
import { Loaded } from '../parts/states.js';
import { Status } from '../parts/status.js';
import { Time } from '../parts/time.js';

const stateOf = (process) => (process.alive ? 'alive' : 'gone');
const roomOf = ({ jobs, details }) => (details.concurrency ? `${jobs.length} of ${details.concurrency}` : String(jobs.length));

const PROCESSES = [
  { id: 'name', title: 'Process', cell: (row) => row.name, sortBy: (row) => row.name },
  { id: 'role', title: 'Service', cell: (row) => row.role, sortBy: (row) => row.role },
  { id: 'state', title: 'State', cell: (row) => html`<${Status} kind="worker" value=${stateOf(row)} />`, sortBy: stateOf },
  { id: 'crawls', title: 'Crawls', numeric: true, cell: roomOf, sortBy: (row) => row.jobs.length },
  { id: 'version', title: 'Version', cell: (row) => row.version, sortBy: (row) => row.version },
  { id: 'seen', title: 'Last heartbeat', cell: (row) => html`<${Time} at=${row.seen_at} kind="relative" />`, sortBy: (row) => row.seen_at },
  { id: 'started', title: 'Started', cell: (row) => html`<${Time} at=${row.started_at} />`, sortBy: (row) => row.started_at },
];

const CRAWLS = [
  { id: 'job', title: 'Job', cell: (row) => html`<${JobLink} id=${row.id} />` },
  { id: 'subreddit', title: 'Subreddit', cell: (row) => html`<${SubredditLink} name=${row.subreddit} />` },
  { id: 'worker', title: 'Worker', cell: (row) => row.claimed_by, sortBy: (row) => row.claimed_by },
  {
    id: 'progress',
    title: 'Progress',
    wide: true,
    cell: ({ progress }) => html`<${Progress} label=${progress.phase ? words(progress.phase) : 'Starting'} done=${progress.done} total=${progress.total} eta=${progress.eta} />`,
  },
  { id: 'lease', title: 'Lease', cell: (row) => html`<${Lease} until=${row.lease_expires_at} />`, sortBy: (row) => row.lease_expires_at },
];

function Lease({ until }) {
  useNow(5);
  if (!until) return '–';
  return Date.parse(until) < now()
    ? html`<${Status} kind="check" value="warning" label="ended" note="the next worker rescues the job" />`
    : html`<${Time} at=${until} kind="relative" />`;
}

export default function Workers() {
  const poll = usePoll('/api/admin/workers', { query: { limit: 500 }, interval: 15 });
  return html`<${Page} title="Workers" lead="A worker drains before it stops: it claims no job and finishes the page in flight.">
    <${Loaded} poll=${poll} rows=${8} empty=${(data) => data.items.length === 0 && {
      title: 'No process has sent a heartbeat',
      text: 'Start a crawler-worker and a scheduler with the address of this database.',
    }}>
      ${(data) => html`<div class="stack">
        <${Section} title=${plural(data.items.length, 'process', 'processes')}>
          <${DataTable} caption="Processes" columns=${PROCESSES} rows=${data.items} rowKey=${(row) => row.name} />
          ${data.next && html`<p class="quiet">The first 500 processes.</p>`}
        <//>
        <${Crawls} jobs=${data.items.flatMap((process) => process.jobs)} />
      </div>`}
    <//>
    <${WorkerCharts} />
  <//>`;
}

const Crawls = ({ jobs }) => html`<${Section} title="Crawls that workers hold">
  ${jobs.length === 0
    ? html`<p class="quiet">No crawl is running.</p>`
    : html`<${DataTable} caption="Running crawls" columns=${CRAWLS} rows=${jobs} />`}
<//>`;

function WorkerCharts() {
  const history = useHistory(['workers', 'crawling']);
  return html`<${Section} title="Over time" actions=${html`<${RangeTabs} />`}>
    <${Loaded} poll=${history} rows=${6}>
      ${(data) => {
        const chart = chartData(data);
        if (chart.recorded === 0) return html`<${Recorded} chart=${chart} />`;
        return html`<div class="charts">
            <${Chart} title="Running crawls" kind="area" times=${chart.times} series=${[{ label: 'crawls', values: chart.by.crawling, tone: 'accent' }]} />
            <${Chart} title="Live workers" times=${chart.times} series=${[{ label: 'workers', values: chart.by.workers, tone: 'good' }]} />
          </div>
          <${Recorded} chart=${chart} />`;
      }}
    <//>
  <//>`;
}
