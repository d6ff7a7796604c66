// The audit log: each change by an operator, with the values before and after.
import { html } from '../core/html.js';
import { words } from '../core/format.js';
import { usePoll } from '../core/poll.js';
import { hrefOf } from '../core/router.js';
import { Differences } from '../parts/audit_rows.js';
import { Chart } from '../parts/chart.js';
import { Filters, useFilters } from '../parts/filters.js';
import { useList } from '../parts/list.js';
import { Page, Section } from '../parts/page.js';
import { Loaded } from '../parts/states.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { ExportAudit } from './audit/export.js';

const FILTERS = [
  { name: 'actor', label: 'By', kind: 'text', main: true, max: 200 },
  { name: 'action', label: 'Change', kind: 'text', main: true, max: 200, placeholder: 'retry' },
  { name: 'resource_type', label: 'Kind of thing', kind: 'text', max: 200, placeholder: 'crawl_job' },
  { name: 'resource_id', label: 'Its id', kind: 'text', max: 200 },
  { name: 'request_id', label: 'Request', kind: 'text', max: 200 },
  { name: 'token_id', label: 'Token', kind: 'text', max: 200 },
  { name: 'since', label: 'Since', kind: 'time' },
  { name: 'until', label: 'Until', kind: 'time' },
];
const PAGES = { crawl_job: 'jobs', job_group: 'groups', scheduled_job: 'schedules', webhook: 'webhooks' };

function Thing({ row }) {
  const text = `${words(row.resource_type)} ${row.resource_id ?? ''}`;
  const page = PAGES[row.resource_type];
  return page && row.resource_id ? html`<a href=${`/ui/${page}/${encodeURIComponent(row.resource_id)}`}>${text}</a>` : text;
}

const COLUMNS = [
  { id: 'at', title: 'Time', always: true, cell: (row) => html`<${Time} at=${row.at} />` },
  { id: 'actor', title: 'By', cell: (row) => html`<a href=${hrefOf('/ui/audit', { actor: row.actor })}>${row.actor}</a>` },
  { id: 'action', title: 'Change', cell: (row) => words(row.action) },
  { id: 'thing', title: 'Of', cell: (row) => html`<${Thing} row=${row} />` },
  { id: 'values', title: 'Values', wide: true, cell: (row) => html`<${Differences} before=${row.before} after=${row.after} />` },
  { id: 'request', title: 'Request', cell: (row) => (row.request_id ? html`<a href=${hrefOf('/ui/audit', { request_id: row.request_id })}>All rows of it</a>` : '–') },
  { id: 'client', title: 'Address', optional: true, cell: (row) => row.client_address ?? row.peer_address ?? '–' },
  { id: 'role', title: 'Database role', optional: true, cell: (row) => row.db_role ?? '–' },
  { id: 'transaction', title: 'Transaction', optional: true, cell: (row) => row.transaction_id ?? '–' },
];

export default function Audit() {
  const filters = useFilters(FILTERS);
  const list = useList('/api/admin/audit-log', { query: filters.query, interval: 15 });
  return html`<${Page} title="Audit log" lead="A change and its row commit together. The application cannot change a row." actions=${html`<${ExportAudit} query=${filters.query} />`}>
    <${ActionsByDay} />
    <${Filters} of=${filters} />
    <${Table} name="audit" what="row" list=${list} columns=${COLUMNS} filters=${filters} caption="Audit log"
      empty=${{ title: 'No operator has changed anything yet' }} />
  <//>`;
}

function ActionsByDay() {
  const days = usePoll('/api/admin/audit-log/days', { interval: 60 });
  return html`<${Section} title="The last 30 days">
    <${Loaded} poll=${days} rows=${4}>
      ${(data) => html`<${Chart} title="Rows a day" kind="bars" height=${120} times=${data.days.map(({ day }) => Date.parse(day) / 1000)}
        series=${[{ label: 'rows', values: data.days.map((one) => one.entries), tone: 'accent' }]} />`}
    <//>
  <//>`;
}
