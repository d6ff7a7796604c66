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

export function Differences({ before, after }) {
  const found = differences(before, after);
  if (found.length === 0) return html`<span class="quiet">–</span>`;
  return html`<ul class="differences">
    ${found.map(
      ([name, old, present]) => html`<li key=${name}>
        ${words(name)}: ${before && html`<del>${old}</del>${' '}`}<ins>${present}</ins>
      </li>`,
    )}
  </ul>`;
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
