// The list of jobs: all filters of the REST API, chosen columns, actions on many jobs.
import { html } from '../core/html.js';
import { clip, shortNumber, title, words } from '../core/format.js';
import { now } from '../core/clock.js';
import { usePoll } from '../core/poll.js';
import { Page } from '../parts/page.js';
import { Filters, useFilters } from '../parts/filters.js';
import { useList } from '../parts/list.js';
import { Progress } from '../parts/progress.js';
import { Status } from '../parts/status.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { SubredditLink } from '../parts/links.js';
import { Sparkline } from '../parts/chart.js';
import { Views } from '../parts/views.js';
import { EnqueueButton, openEnqueue } from './jobs/enqueue.js';
import { jobActions } from './jobs/actions.js';

const SOURCES = ['user', 'schedule', 'discovery', 'stale'];
const STATES = ['waiting', 'queued', 'crawling', 'succeeded', 'failed', 'cancelled'];
const FILTERS = [
  { name: 'status', label: 'State', kind: 'choices', main: true, options: STATES },
  { name: 'subreddit', label: 'Subreddit', kind: 'text', main: true, max: 25, placeholder: 'golang' },
  { name: 'source', label: 'Source', kind: 'choices', options: SOURCES },
  { name: 'error_kind', label: 'Kind of error', kind: 'choice', options: ['permanent', 'retryable', 'deferred'] },
  { name: 'error', label: 'Error contains', kind: 'text' },
  { name: 'worker', label: 'Crawled by worker', kind: 'text' },
  { name: 'incomplete', label: 'Incomplete', kind: 'flag' },
  { name: 'priority_min', label: 'Priority from', kind: 'number', min: 0, max: 100 },
  { name: 'priority_max', label: 'Priority to', kind: 'number', min: 0, max: 100 },
  { name: 'group_id', label: 'Group', kind: 'number', min: 1 },
  { name: 'schedule_id', label: 'Schedule', kind: 'number', min: 1 },
  { name: 'created_after', label: 'Created after', kind: 'time' },
  { name: 'created_before', label: 'Created before', kind: 'time' },
  { name: 'finished_after', label: 'Finished after', kind: 'time' },
  { name: 'finished_before', label: 'Finished before', kind: 'time' },
];

const COLUMNS = [
  { id: 'id', title: 'Job', always: true, cell: (job) => job.id },
  { id: 'subreddit', title: 'Subreddit', always: true, cell: (job) => html`<${SubredditLink} name=${job.subreddit} />` },
  {
    id: 'status',
    title: 'State',
    cell: (job) => html`<${Status} value=${job.status} note=${job.wait_reason && words(job.wait_reason)} />
      ${job.incomplete && html` <${Status} kind="check" value="warning" label="incomplete" />`}`,
  },
  { id: 'priority', title: 'Priority', numeric: true, sort: '-priority', cell: (job) => job.priority },
  { id: 'progress', title: 'Progress or outcome', wide: true, cell: (job) => html`<${Outcome} job=${job} />` },
  { id: 'source', title: 'Source', cell: (job) => words(job.source) },
  { id: 'created', title: 'Created', sort: ['-created_at', 'created_at'], cell: (job) => html`<${Time} at=${job.created_at} kind="relative" />` },
  { id: 'visible', title: 'Next try', optional: true, sort: 'visible_at', cell: (job) => html`<${Time} at=${job.visible_at} />` },
  { id: 'finished', title: 'Finished', sort: ['-finished_at', 'finished_at'], cell: (job) => html`<${Time} at=${job.finished_at} kind="relative" />` },
  { id: 'attempts', title: 'Retries', optional: true, numeric: true, cell: (job) => job.retry_count },
  { id: 'worker', title: 'Worker', optional: true, cell: (job) => job.claimed_by ?? '–' },
];

function Outcome({ job }) {
  const { progress, status } = job;
  if (status === 'crawling') {
    return html`<${Progress} label=${progress.phase ? words(progress.phase) : 'Starting'} done=${progress.done} total=${progress.total} eta=${progress.eta} />`;
  }
  if (job.error && (status === 'failed' || status === 'waiting')) {
    return html`<span class="error-text" title=${job.error}>${words(job.error_kind)}: ${clip(job.error, 90)}</span>`;
  }
  return html`<span>${job.outcome ? words(job.outcome) : '–'}</span>`;
}

/** Return the filters with the number of jobs of each state, from the overview. */
function withCounts(jobs) {
  const countOf = (state) => {
    if (!jobs) return '';
    return `${shortNumber(jobs.by_status[state] ?? 0)}${jobs.capped.includes(state) ? '+' : ''}`;
  };
  const options = STATES.map((state) => ({ value: state, label: title(state), note: countOf(state) }));
  return FILTERS.map((one) => (one.name === 'status' ? { ...one, options } : one));
}

const HOUR = 3_600_000;

/** The finished jobs of each of the last 24 hours. */
function Finished() {
  const from = new Date(Math.floor(now() / HOUR) * HOUR - 23 * HOUR).toISOString();
  const query = { series: 'succeeded,failed', step: '1h', from };
  const { data } = usePoll('/api/admin/history', { query, interval: 300, background: true });
  if (!data || !data.minutes.some((count) => count > 0)) return null;
  const [succeeded, failed] = data.series.map(({ points }) => points.map((point) => point ?? 0));
  return html`<span class="legend wide-only">
    <span>24 h: succeeded <${Sparkline} tone="good" label="Succeeded jobs an hour" values=${succeeded} /></span>
    <span>failed <${Sparkline} tone="bad" label="Failed jobs an hour" values=${failed} /></span>
  </span>`;
}

export default function Jobs() {
  const overview = usePoll('/api/admin/overview', { interval: 30, background: true });
  const filters = useFilters(withCounts(overview.data?.jobs));
  const list = useList('/api/admin/jobs/rows', { query: filters.query, interval: 5 });
  list.defaultSort = '-created_at';
  return html`<${Page} title="Jobs" actions=${html`<${Finished} /><${EnqueueButton} />`}>
    <${Filters} of=${filters}><${Views} page="jobs" /><//>
    <${Table}
      name="jobs"
      what="job"
      caption="Jobs"
      list=${list}
      columns=${COLUMNS}
      filters=${filters}
      open=${(job) => `/ui/jobs/${job.id}`}
      actions=${jobActions}
      matchAll
      empty=${{ title: 'No jobs yet', text: 'Enqueue the crawl of a subreddit. A worker claims it by its priority.', action: { label: 'Enqueue a crawl', scope: 'jobs', run: () => openEnqueue() } }}
    />
  <//>`;
}
