// The short lists of the overview: running crawls, newest failures, next schedules, first steps.
import { html } from '../../core/html.js';
import { clip, plural, words } from '../../core/format.js';
import { ROOT, hrefOf } from '../../core/router.js';
import { DataTable } from '../../parts/data_table.js';
import { JobLink, ScheduleLink, SubredditLink } from '../../parts/links.js';
import { Section } from '../../parts/page.js';
import { Progress } from '../../parts/progress.js';
import { Empty } from '../../parts/states.js';
import { Running, Time } from '../../parts/time.js';
import { openEnqueue } from '../jobs/enqueue.js';

const RUNNING = [
  { id: 'subreddit', title: 'Subreddit', cell: (row) => html`<${SubredditLink} name=${row.subreddit} />` },
  { id: 'job', title: 'Job', cell: (row) => html`<${JobLink} id=${row.job_id} />` },
  {
    id: 'progress',
    title: 'Progress',
    wide: true,
    cell: (row) => html`<${Progress} label=${row.phase ? words(row.phase) : 'Starting'} done=${row.done} total=${row.total} eta=${row.eta} />`,
  },
  { id: 'since', title: 'Running for', cell: (row) => html`<${Running} since=${row.claimed_at} />` },
  { id: 'worker', title: 'Worker', cell: (row) => row.worker },
];

export function RunningCrawls({ running, crawling }) {
  const more = html`<a href=${hrefOf(`${ROOT}/jobs`, { status: 'crawling' })}>All running jobs</a>`;
  return html`<${Section} title="Running crawls" actions=${crawling > running.length && more}>
    ${running.length === 0
      ? html`<p class="quiet">No crawl is running.</p>`
      : html`<${DataTable} caption="Running crawls" columns=${RUNNING} rows=${running} rowKey=${(row) => row.job_id} />`}
  <//>`;
}

const FAILURES = [
  { id: 'subreddit', title: 'Subreddit', cell: (row) => html`<${SubredditLink} name=${row.subreddit} />` },
  { id: 'job', title: 'Job', cell: (row) => html`<${JobLink} id=${row.job_id} />` },
  { id: 'ended', title: 'Failed', cell: (row) => html`<${Time} at=${row.finished_at} kind="relative" />` },
  {
    id: 'error',
    title: 'Error',
    wide: true,
    cell: (row) => html`<span title=${row.error_message}>${clip(row.error_message ?? words(row.error_kind), 110)}</span>`,
  },
];

export function NewestFailures({ failures }) {
  const kinds = Object.entries(failures.by_error_kind).map(([kind, count]) => `${words(kind)} ${count}`);
  const all = html`<a href=${hrefOf(`${ROOT}/jobs`, { status: 'failed', sort: '-finished_at' })}>All failed jobs</a>`;
  return html`<${Section} title="Newest failures" actions=${all}>
    ${failures.newest.length === 0
      ? html`<p class="quiet">No job has failed within the last day.</p>`
      : html`<p class="quiet">By kind of error: ${kinds.join(', ')}.</p>
          <${DataTable} caption="Newest failed jobs" columns=${FAILURES} rows=${failures.newest} rowKey=${(row) => row.job_id} />`}
  <//>`;
}

const NEXT = [
  { id: 'name', title: 'Schedule', cell: (row) => html`<${ScheduleLink} id=${row.id}>${clip(row.name, 60)}<//>` },
  { id: 'what', title: 'Crawls', cell: (row) => (row.subreddit ? html`<${SubredditLink} name=${row.subreddit} />` : 'a group') },
  { id: 'due', title: 'Due', cell: (row) => html`<${Time} at=${row.next_run_at} />` },
];

export function NextSchedules({ schedules }) {
  const all = html`<a href=${`${ROOT}/schedules`}>All schedules</a>`;
  return html`<${Section} title="Next due schedules" actions=${all}>
    ${schedules.next.length === 0
      ? html`<p class="quiet">${schedules.disabled > 0 ? `${plural(schedules.disabled, 'schedule')}, all disabled.` : 'No schedule exists.'}</p>`
      : html`<${DataTable} caption="Next due schedules" columns=${NEXT} rows=${schedules.next} />`}
  <//>`;
}

/** How to begin, shown while the system has no job. */
export function FirstSteps({ data }) {
  const total = Object.values(data.jobs.by_status).reduce((sum, count) => sum + count, 0);
  if (total > 0) return null;
  return html`<${Section} title="Begin here">
    <${Empty}
      title="No crawl has been requested yet"
      text="Enqueue a subreddit. A worker claims it, crawls it page by page, and this page shows its progress."
      action=${{ label: 'Enqueue a crawl', scope: 'jobs', run: () => openEnqueue() }}
    />
  <//>`;
}
