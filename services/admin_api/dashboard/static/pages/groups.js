// The list of groups: their progress, their pace, their expected ends, and large changes.
import { html } from '../core/html.js';
import { number } from '../core/format.js';
import { Filters, useFilters } from '../parts/filters.js';
import { ScheduleLink } from '../parts/links.js';
import { useList } from '../parts/list.js';
import { Page } from '../parts/page.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { NewGroupButton, openNewGroup } from './groups/new_group.js';
import { Operations } from './groups/operations.js';
import { Eta, GroupStatus, Pace, StepBar, nameOf } from './groups/progress.js';

const STATES = ['open', 'paused', 'finished', 'succeeded', 'partly', 'failed', 'cancelled'];
const FILTERS = [
  { name: 'state', label: 'State', kind: 'choice', main: true, options: STATES },
  { name: 'name', label: 'Whole name', kind: 'text', main: true, max: 200 },
  { name: 'subreddit', label: 'Subreddit of a step', kind: 'text', max: 25 },
  { name: 'schedule_id', label: 'Schedule', kind: 'number', min: 1 },
];

const COLUMNS = [
  { id: 'name', title: 'Group', always: true, wide: true, cell: (group) => nameOf(group) },
  { id: 'state', title: 'State', cell: (group) => html`<${GroupStatus} group=${group} />` },
  { id: 'steps', title: 'Steps', wide: true, cell: (group) => html`<${StepBar} counts=${group.counts} total=${group.steps} />` },
  { id: 'left', title: 'Left', numeric: true, cell: (group) => number(group.progress.left) },
  { id: 'pace', title: 'Pace', cell: (group) => html`<${Pace} progress=${group.progress} />` },
  { id: 'eta', title: 'Expected end', cell: (group) => html`<${Eta} group=${group} />` },
  { id: 'created', title: 'Created', cell: (group) => html`<${Time} at=${group.created_at} kind="relative" />` },
  { id: 'finished', title: 'Finished', optional: true, cell: (group) => html`<${Time} at=${group.finished_at} kind="relative" />` },
  { id: 'by', title: 'Created by', optional: true, cell: (group) => group.created_by },
  { id: 'schedule', title: 'Schedule', optional: true, cell: (group) => (group.scheduled_job_id ? html`<${ScheduleLink} id=${group.scheduled_job_id} />` : '–') },
  { id: 'id', title: 'Id', optional: true, numeric: true, cell: (group) => group.id },
];

export default function Groups() {
  const filters = useFilters(FILTERS);
  const list = useList('/api/admin/groups/rows', { query: filters.query, interval: 5 });
  return html`<${Page} title="Groups" actions=${html`<${NewGroupButton} />`}>
    <${Filters} of=${filters} />
    <${Table}
      name="groups"
      what="group"
      caption="Groups"
      list=${list}
      columns=${COLUMNS}
      filters=${filters}
      open=${(group) => `/ui/groups/${group.id}`}
      empty=${{
        title: 'No groups yet',
        text: 'A group is a set of crawls that are handled as one thing. A crawl can wait for others.',
        action: { label: 'New group', run: () => openNewGroup(), scope: 'jobs' },
      }}
    />
    <${Operations} />
  <//>`;
}
