// The list of schedules: their expressions in words, next due times, last outcomes and misfires.
import { html } from '../../core/html.js';
import { number, plural } from '../../core/format.js';
import { useKeys } from '../../core/keys.js';
import { useCan } from '../../core/session.js';
import { Button } from '../../parts/button.js';
import { Filters, useFilters } from '../../parts/filters.js';
import { SubredditLink } from '../../parts/links.js';
import { useList } from '../../parts/list.js';
import { Page } from '../../parts/page.js';
import { Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { runNow, toggle } from './actions.js';
import { openNewSchedule } from './open_form.js';
import { LastOutcome, OutcomeStrip } from './outcomes.js';
import { ScheduleState } from './state.js';
import { ZoneTime } from './zone_time.js';

const FILTERS = [
  { name: 'subreddit', label: 'Subreddit', kind: 'text', main: true, max: 25, placeholder: 'golang' },
  { name: 'enabled', label: 'State', kind: 'choice', main: true, options: [{ value: 'true', label: 'enabled' }, { value: 'false', label: 'disabled' }] },
  { name: 'broken', label: 'Broken', kind: 'flag', main: true },
];

const Crawls = ({ row }) =>
  row.subreddit ? html`<span class="crawls"><${SubredditLink} name=${row.subreddit} /></span>` : html`<span>a group of ${plural(row.step_count, 'step')}</span>`;

const COLUMNS = [
  { id: 'name', title: 'Schedule', always: true, cell: (row) => html`<span class="schedule-name">${row.name}</span>` },
  { id: 'crawls', title: 'Crawls', cell: (row) => html`<${Crawls} row=${row} />` },
  {
    id: 'words',
    title: 'When',
    cell: (row) => html`<span>${row.words ?? 'The expression is invalid'} <code class="quiet">${row.cron_expression}</code> <span class="quiet breaks">${row.timezone}</span></span>`,
  },
  { id: 'state', title: 'State', cell: (row) => html`<${ScheduleState} schedule=${row} />` },
  { id: 'next', title: 'Next due', cell: (row) => html`<${ZoneTime} at=${row.enabled ? row.next_run_at : null} zone=${row.timezone} />` },
  {
    id: 'last',
    title: 'Last outcomes',
    cell: (row) => html`<div><${LastOutcome} outcome=${row.record.outcomes[0]} /><${OutcomeStrip} outcomes=${row.record.outcomes} small /></div>`,
  },
  { id: 'misfires', title: 'Misfires', numeric: true, cell: ({ record }) => `${number(record.misfires)}${record.misfires_at_least ? '+' : ''} in 7 d` },
  { id: 'requests', title: 'Requests', numeric: true, cell: ({ record }) => `${number(record.requests_per_day)} a day` },
  { id: 'priority', title: 'Priority', numeric: true, optional: true, cell: (row) => row.priority },
  { id: 'ran', title: 'Last fired', optional: true, cell: (row) => (row.last_run_at ? html`<${Time} at=${row.last_run_at} kind="relative" />` : 'never') },
  {
    id: 'actions',
    title: 'Actions',
    cell: (row) => html`<span class="row-actions">
      <${Button} kind="small" scope="schedules" aria-label=${`Run ${row.name} now`} onClick=${() => runNow(row)}>Run now<//>
      <${Button} kind="small" scope="schedules" aria-label=${`${row.enabled ? 'Disable' : 'Enable'} ${row.name}`} onClick=${() => toggle(row)}>${row.enabled ? 'Disable' : 'Enable'}<//>
    </span>`,
  },
];

export function Schedules() {
  const filters = useFilters(FILTERS);
  const list = useList('/api/admin/scheduled-jobs/rows', { query: filters.query, interval: 15 });
  const canCreate = useCan('schedules');
  useKeys(canCreate ? [{ keys: 'n', label: 'New schedule', run: () => openNewSchedule() }] : [], 'Page');
  const create = html`<${Button} kind="primary" scope="schedules" onClick=${() => openNewSchedule()}>New schedule<//>`;
  return html`<${Page} title="Schedules" lead="Each due time enqueues one crawl, or one group of crawls. The oldest schedule is first." actions=${create}>
    <${Filters} of=${filters} />
    <${Table} name="schedules" what="schedule" caption="Schedules" list=${list} columns=${COLUMNS} filters=${filters}
      open=${(row) => `/ui/schedules/${row.id}`}
      empty=${{
        title: 'No schedules yet',
        text: 'A schedule crawls a subreddit again and again, such as each morning at 7 in Vienna. The form shows its next due times while you type.',
        action: { label: 'New schedule', scope: 'schedules', run: () => openNewSchedule() },
      }} />
  <//>`;
}
