// A plain table for short lists without pages. The reader can sort it by a column.
import { html, useState } from '../core/html.js';

/** columns: [{ id, title, cell: (row) => html, sortBy: (row) => value, numeric }] */
export function DataTable({ columns, rows, caption, rowKey = (row) => row.id, open, limit = 500 }) {
  const [sort, setSort] = useState(null); // { id, isDown }
  const by = sort && columns.find((column) => column.id === sort.id)?.sortBy;
  const sorted = by ? [...rows].sort((a, b) => compare(by(a), by(b)) * (sort.isDown ? -1 : 1)) : rows;
  const choose = (column) =>
    setSort((old) => ({ id: column.id, isDown: old?.id === column.id ? !old.isDown : Boolean(column.numeric) }));
  return html`<div class="table-frame">
    <table class="table cards-on-phone" role="table">
      <caption class="unseen">${caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          ${columns.map((column) => {
            const isSorted = sort?.id === column.id;
            const direction = isSorted ? (sort.isDown ? 'descending' : 'ascending') : null;
            return html`<th role="columnheader" scope="col" key=${column.id} aria-sort=${direction} class=${column.numeric ? 'numeric' : ''}>
              ${column.sortBy
                ? html`<button type="button" class="sort" onClick=${() => choose(column)}>
                    ${column.title}<span aria-hidden="true">${isSorted ? (sort.isDown ? ' ↓' : ' ↑') : ' ↕'}</span>
                  </button>`
                : column.title}
            </th>`;
          })}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${sorted.slice(0, limit).map(
          (row) => html`<tr role="row" key=${rowKey(row)}>
            ${columns.map(
              (column, at) => html`<td role="cell" key=${column.id} data-label=${column.title}
                class=${`${column.numeric ? 'numeric' : ''} ${column.wide ? 'wide' : ''}`}>
                ${at === 0 && open?.(row) ? html`<a href=${open(row)}>${column.cell(row)}</a>` : column.cell(row)}
              </td>`,
            )}
          </tr>`,
        )}
      </tbody>
    </table>
    ${rows.length > limit && html`<p class="quiet">The first ${limit} of ${rows.length} rows.</p>`}
  </div>`;
}

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return a < b ? -1 : 1;
}
