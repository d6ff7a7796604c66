// The ledger of a schedule: each due time with its outcome, and the job or group that it made.
import { html } from '../../core/html.js';
import { number } from '../../core/format.js';
import { GroupLink, JobLink } from '../../parts/links.js';
import { useList } from '../../parts/list.js';
import { Status } from '../../parts/status.js';
import { Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { PATH } from '../schedules/path.js';
import { MEANINGS } from '../schedules/outcomes.js';
import { ZoneTime } from '../schedules/zone_time.js';

const made = ({ job_id: job, group_id: group }) =>
  job !== null ? html`<${JobLink} id=${job} />` : group !== null ? html`<${GroupLink} id=${group} />` : html`<span class="quiet">–</span>`;

const columnsOf = (zone) => [
  {
    id: 'due',
    title: 'Due',
    always: true,
    cell: (row) => html`<span><${ZoneTime} at=${row.due_at} zone=${zone} />${row.due_until && html` <span class="quiet">until <${Time} at=${row.due_until} kind="absolute" /></span>`}</span>`,
  },
  {
    id: 'outcome',
    title: 'Outcome',
    cell: (row) => html`<${Status} kind="schedule" value=${row.outcome} note=${row.manual ? 'by an operator' : null} />`,
  },
  { id: 'ticks', title: 'Due times', numeric: true, cell: (row) => number(row.ticks) },
  { id: 'made', title: 'Made', cell: made },
  { id: 'fired', title: 'Processed', cell: (row) => html`<${Time} at=${row.fired_at} />` },
];

export function Ledger({ schedule }) {
  const list = useList(`${PATH}/${schedule.id}/runs`, { interval: 15 });
  return html`<div>
    <${Table} name="runs" what="due time" caption="Ledger" list=${list} columns=${columnsOf(schedule.timezone)}
      empty=${{ title: 'No due time has passed yet', text: 'Each due time gets an entry with its outcome, also one that did not fire.' }} />
    <details class="quiet">
      <summary>The meaning of the outcomes</summary>
      <ul>${Object.entries(MEANINGS).map(([outcome, meaning]) => html`<li key=${outcome}><${Status} kind="schedule" value=${outcome} /> ${meaning}</li>`)}</ul>
    </details>
  </div>`;
}
