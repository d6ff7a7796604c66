// The check of the whole installation: conditions with their limits, versions, database, settings.
import { html } from '../core/html.js';
import { bytes, duration, number, percent, plural, words } from '../core/format.js';
import { usePoll } from '../core/poll.js';
import { Copy } from '../parts/button.js';
import { DataTable } from '../parts/data_table.js';
import { ScheduleLink } from '../parts/links.js';
import { Facts, Page, Section } from '../parts/page.js';
import { Loaded } from '../parts/states.js';
import { Status } from '../parts/status.js';
import { Time } from '../parts/time.js';
import { SystemCharts } from './system/charts.js';
import { pageOf } from './overview/attention.js';

const severityOf = (check) => (check.ok ? 'ok' : check.severity === 'notice' ? 'info' : check.severity);
const ORDER = { critical: 0, warning: 1, info: 2, ok: 3 };

const CHECKS = [
  { id: 'state', title: 'State', cell: (row) => html`<${Status} kind="check" value=${severityOf(row)} label=${row.ok ? 'in order' : row.severity} />`, sortBy: (row) => ORDER[severityOf(row)] },
  { id: 'code', title: 'Condition', cell: (row) => html`<${CheckName} check=${row} />`, sortBy: (row) => row.code },
  { id: 'value', title: 'Now', numeric: true, cell: (row) => number(row.value) },
  { id: 'limit', title: 'Limit', cell: (row) => `${row.holds_at === 'above' ? 'above' : 'at'} ${number(row.limit)}` },
  { id: 'remedy', title: 'Condition and remedy', wide: true, cell: (row) => (row.ok ? '' : html`<strong>${row.sentence}</strong> <span class="quiet">${row.remedy}</span>`) },
];

function CheckName({ check }) {
  const page = pageOf(check.link);
  return page ? html`<a href=${page}>${words(check.code)}</a>` : words(check.code);
}

const TABLES = [
  { id: 'name', title: 'Table', cell: (row) => html`<code>${row.name}</code>`, sortBy: (row) => row.name },
  { id: 'bytes', title: 'Size', numeric: true, cell: (row) => bytes(row.bytes), sortBy: (row) => row.bytes },
  { id: 'live', title: 'Rows', numeric: true, cell: (row) => number(row.live_rows), sortBy: (row) => row.live_rows },
  { id: 'dead', title: 'Dead rows', numeric: true, cell: (row) => `${number(row.dead_rows)} (${percent(row.dead_rows / Math.max(1, row.live_rows + row.dead_rows))})`, sortBy: (row) => row.dead_rows },
  { id: 'vacuumed', title: 'Vacuumed', cell: (row) => html`<${Time} at=${row.vacuumed_at} kind="relative" />` },
];

export default function System() {
  const poll = usePoll('/api/admin/system', { interval: 15 });
  const report = poll.data && html`<${Copy} text=${JSON.stringify(poll.data, null, 2)} label="Copy the report" />`;
  return html`<${Page} title="System" lead="Each condition with its present number and its limit. The alerts have the same limits." actions=${report}>
    <${Loaded} poll=${poll} rows=${12}>${(data) => html`<${State} data=${data} />`}<//>
    <${SystemCharts} />
  <//>`;
}

function State({ data }) {
  const { database, schema } = data;
  const checks = [...data.checks].sort((a, b) => ORDER[severityOf(a)] - ORDER[severityOf(b)]);
  const broken = checks.filter((check) => !check.ok).length;
  return html`<div class="stack">
    <${Section} title=${broken === 0 ? `All ${checks.length} conditions are in order` : `${plural(broken, 'condition')} of ${checks.length} to look at`}>
      <${DataTable} caption="Conditions" columns=${CHECKS} rows=${checks} rowKey=${(row) => row.code} />
    <//>
    <${Section} title="Schema and versions">
      <${Facts} items=${[
        ['Version of the API', schema.api_version],
        ['Revision of the schema', html`${schema.revision ?? 'none'} <${Status} kind="check" value=${schema.is_known ? 'ok' : 'critical'} label=${schema.is_known ? 'known' : 'unknown to the API'} />`],
        ['Newest known revision', schema.newest_known],
        ['PostgreSQL', database.version],
        ...[...new Set(data.processes.filter((one) => one.alive).map((one) => `${one.role} ${one.version}`))].map((text) => ['Running', text]),
      ]} />
      ${data.setting_differences.length > 0 && html`<${Differing} differences=${data.setting_differences} />`}
    <//>
    ${data.broken_schedules.length > 0 && html`<${Section} title="Broken schedules">
      <ul>${data.broken_schedules.map((one) => html`<li key=${one.id}><${ScheduleLink} id=${one.id}>${one.name}<//>: ${one.disabled_reason}</li>`)}</ul>
    <//>`}
    <${Section} title="Database">
      <${Facts} items=${[
        ['Size', bytes(database.bytes)],
        ['Connections', `${number(database.connections_used)} of ${number(database.connections_max)}`],
        ['Oldest transaction', database.oldest_transaction_seconds > 0 ? duration(database.oldest_transaction_seconds) : 'none'],
        ...database.connections.map((one) => [one.program || 'without a name', plural(one.connections, 'connection')]),
      ]} />
      ${database.tables.length > 0 && html`<${DataTable} caption="Largest tables" columns=${TABLES} rows=${database.tables} rowKey=${(row) => row.name} />`}
    <//>
  </div>`;
}

const Differing = ({ differences }) => html`<h3>Settings that differ between processes</h3>
  <ul>
    ${differences.map((one) => html`<li key=${`${one.role} ${one.setting}`}>
      <code>${one.setting}</code> of ${one.role}: ${one.values.map(({ value, processes }) => `${value} (${processes.join(', ')})`).join('; ')}
    </li>`)}
  </ul>`;
