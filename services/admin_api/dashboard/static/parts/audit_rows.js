// The newest changes of one thing by operators, with the values before and after.
import { html } from '../core/html.js';
import { words } from '../core/format.js';
import { DataTable } from './data_table.js';
import { AuditLink } from './links.js';
import { Time } from './time.js';

const shown = (value) =>
  value === null || value === undefined ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value);

/** Return [name, before, after] of each field that changed. */
export function differences(before, after) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return names
    .filter((name) => shown(before?.[name]) !== shown(after?.[name]))
    .map((name) => [name, shown(before?.[name]), shown(after?.[name])]);
}

const SHOWN = 4; // a created thing has many values

const Difference = ({ name, old, present, isChange }) => html`<li>
  ${words(name)}: ${isChange && html`<del>${old}</del>${' '}`}<ins>${present}</ins>
</li>`;

/** The fields that changed; the first ones, and the others behind a summary. */
export function Differences({ before, after }) {
  const found = differences(before, after);
  if (found.length === 0) return html`<span class="quiet">–</span>`;
  const list = (rows) => html`<ul class="differences">
    ${rows.map(([name, old, present]) => html`<${Difference} key=${name} name=${name} old=${old} present=${present} isChange=${Boolean(before)} />`)}
  </ul>`;
  if (found.length <= SHOWN + 1) return list(found);
  return html`${list(found.slice(0, SHOWN))}
    <details class="more-values"><summary>${found.length - SHOWN} more</summary>${list(found.slice(SHOWN))}</details>`;
}

const COLUMNS = [
  { id: 'at', title: 'Time', cell: (row) => html`<${Time} at=${row.at} />` },
  { id: 'actor', title: 'By', cell: (row) => row.actor },
  { id: 'action', title: 'Change', cell: (row) => words(row.action) },
  { id: 'values', title: 'Values', wide: true, cell: (row) => html`<${Differences} before=${row.before} after=${row.after} />` },
  { id: 'audit', title: 'Audit', cell: (row) => (row.request_id ? html`<${AuditLink} requestId=${row.request_id}>All rows<//>` : '–') },
];

export function AuditRows({ rows, none = 'No operator has changed it.' }) {
  if (rows.length === 0) return html`<p class="quiet">${none}</p>`;
  return html`<${DataTable} caption="Changes by operators" columns=${COLUMNS} rows=${rows} />`;
}
