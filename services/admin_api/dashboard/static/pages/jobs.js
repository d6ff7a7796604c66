// The list of jobs: all filters of the REST API, chosen columns, actions on many jobs.
import { html } from '../core/html.js';
import { clip, words } from '../core/format.js';
import { Page } from '../parts/page.js';
import { Filters, useFilters } from '../parts/filters.js';
import { useList } from '../parts/list.js';
import { Progress } from '../parts/progress.js';
import { Status } from '../parts/status.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { SubredditLink } from '../parts/links.js';
import { EnqueueButton } from './jobs/enqueue.js';
import { jobActions } from './jobs/actions.js';

const SOURCES = ['user', 'schedule', 'discovery', 'stale'];
const FILTERS = [
  { name: 'status', label: 'State', kind: 'choices', main: true, options: ['waiting', 'queued', 'crawling', 'succeeded', 'failed', 'cancelled'] },
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

export default function Jobs() {
  const filters = useFilters(FILTERS);
  const list = useList('/api/admin/jobs/rows', { query: filters.query, interval: 5 });
  list.defaultSort = '-created_at';
  return html`<${Page} title="Jobs" actions=${html`<${EnqueueButton} />`}>
    <${Filters} of=${filters} />
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
      empty=${{ title: 'No jobs yet', text: 'Enqueue the crawl of a subreddit. A worker claims it by its priority.' }}
    />
  <//>`;
}
