// A table over a list: chosen columns, sort, selection, keys, new rows that wait, cards on a phone.
import { html, useRef } from '../core/html.js';
import { useKeys } from '../core/keys.js';
import { navigate } from '../core/router.js';
import { number, plural } from '../core/format.js';
import { Button } from './button.js';
import { Columns, useColumns } from './columns.js';
import { Pages } from './list.js';
import { useSelection } from './selection.js';
import { Empty, EmptyByFilters, Problem, Skeleton, Staleness } from './states.js';

export { DataTable } from './data_table.js';

export function Table(props) {
  const { name, list, columns, open, actions, matchAll, empty, filters, caption, extraKeys, what = 'row', whats = `${what}s` } = props;
  const { shown, choose } = useColumns(name, columns);
  const selection = useSelection(list, JSON.stringify(filters?.query ?? {}));
  const body = useRef(null);
  const offered = actions?.(selection) ?? [];
  useTableKeys({ list, open, selection, body, canSelect: Boolean(actions), extraKeys });
  const { poll } = list;
  if (poll.data === undefined) {
    return poll.error
      ? html`<${Problem} error=${poll.error} retry=${() => poll.refresh()} />`
      : html`<${Skeleton} rows=${10} />`;
  }
  return html`<${Staleness} poll=${poll} />
    <div class="table-bar">
      ${actions && !selection.isEmpty
        ? html`<${Selected} selection=${selection} offered=${offered} what=${what} whats=${whats} />`
        : html`<span class="quiet">${rangeText(list, what, whats)}</span>`}
      ${list.pending > 0 &&
      html`<${Button} kind="small primary" onClick=${() => showNew(list)}>Show ${number(list.pending)} new<//>`}
      <span class="grow" />
      <${Columns} columns=${columns} shown=${shown} choose=${choose} />
    </div>
    ${matchAll && html`<${AllOffer} selection=${selection} list=${list} filters=${filters} what=${what} />`}
    ${list.rows.length === 0
      ? filters?.isActive
        ? html`<${EmptyByFilters} filters=${filters} what=${whats} />`
        : html`<${Empty} ...${empty ?? { title: `No ${whats}` }} />`
      : html`<div class=${`table-frame ${poll.isChanging ? 'changing' : ''}`} ref=${list.element}>
          <table class="table cards-on-phone" role="table" aria-busy=${poll.isChanging ? 'true' : null}>
            <caption class="unseen">${caption ?? whats}</caption>
            <${Head} list=${list} columns=${shown} selection=${actions && selection} />
            <tbody role="rowgroup" ref=${body}>
              ${list.rows.map(
                (row) => html`<${Row} key=${list.rowKey(row)} row=${row} columns=${shown} open=${open}
                  id=${list.rowKey(row)} selection=${actions && selection} />`,
              )}
            </tbody>
          </table>
        </div>`}
    <${Pages} list=${list} />`;
}

function rangeText(list, what, whats) {
  const text = plural(list.rows.length, what, whats);
  return list.hasPrevious || list.hasNext ? `${text} on this page` : text;
}

function showNew(list) {
  list.showPending();
  scrollTo({ top: 0 });
}

function Selected({ selection, offered, what, whats }) {
  const text = selection.isAll ? `All ${whats} that match` : plural(selection.count, what, whats);
  return html`<span class="selected" role="status">${text} selected</span>
    <div class="table-actions" data-actions>
      ${offered.filter(Boolean).map(
        (action) => html`<${Button} key=${action.label} kind=${`small ${action.danger ? 'danger-text' : ''}`}
          scope=${action.scope} reason=${action.reason} onClick=${action.run}>${action.label}<//>`,
      )}
      <${Button} kind="small quiet" onClick=${selection.clear}>Clear<//>
    </div>`;
}

function AllOffer({ selection, list, filters, what }) {
  if (!selection.isPage || selection.isAll || !(list.hasNext || list.hasPrevious)) return null;
  return html`<p class="note tone-accent">
    The ${what}s of this page are selected.
    ${filters?.isActive
      ? html`<${Button} kind="small" onClick=${selection.selectAll}>Select all ${what}s that match the filters<//>`
      : html`<span>Set a filter to select ${what}s of other pages.</span>`}
  </p>`;
}

function Head({ list, columns, selection }) {
  return html`<thead role="rowgroup">
    <tr role="row">
      ${selection &&
      html`<th role="columnheader" scope="col" class="cell-check">
        <input type="checkbox" aria-label="Select the rows of this page" checked=${selection.isPage} onChange=${selection.togglePage} />
      </th>`}
      ${columns.map((column) => html`<${HeadCell} key=${column.id} column=${column} list=${list} />`)}
    </tr>
  </thead>`;
}

function HeadCell({ column, list }) {
  const sorts = [column.sort ?? []].flat();
  const at = sorts.indexOf(list.sort ?? list.defaultSort ?? '');
  const direction = at < 0 ? null : sorts[at].startsWith('-') ? 'descending' : 'ascending';
  const next = sorts[(at + 1) % sorts.length];
  return html`<th role="columnheader" scope="col" aria-sort=${direction} class=${column.numeric ? 'numeric' : ''}>
    ${sorts.length === 0
      ? column.title
      : html`<button type="button" class="sort" onClick=${() => list.setSort(next)}>
          ${column.title}<span aria-hidden="true">${direction === 'descending' ? ' ↓' : direction ? ' ↑' : ' ↕'}</span>
        </button>`}
  </th>`;
}

function Row({ row, id, columns, open, selection }) {
  const isSelected = selection?.has(row) ?? false;
  const href = open?.(row);
  return html`<tr role="row" tabindex="-1" data-id=${id} aria-selected=${selection ? String(isSelected) : null}
    class=${row.isGone ? 'is-gone' : ''}>
    ${selection &&
    html`<td role="cell" class="cell-check">
      <input type="checkbox" aria-label=${`Select ${id}`} checked=${isSelected}
        onClick=${(event) => (event.shiftKey ? selection.rangeTo(row) : selection.toggle(row))} />
    </td>`}
    ${columns.map(
      (column, at) => html`<td role="cell" key=${column.id} data-label=${column.title}
        class=${`${column.numeric ? 'numeric' : ''} ${column.wide ? 'wide' : ''}`}>
        ${at === 0 && href ? html`<a href=${href}>${column.cell(row)}</a>` : column.cell(row)}
      </td>`,
    )}
  </tr>`;
}

function useTableKeys({ list, open, selection, body, canSelect, extraKeys }) {
  const rowOf = (element) => list.rows.find((row) => String(list.rowKey(row)) === element?.dataset.id);
  const active = () => document.activeElement?.closest?.('tr[data-id]') ?? null;
  const move = (step) => {
    const all = [...(body.current?.querySelectorAll('tr[data-id]') ?? [])];
    const at = all.indexOf(active());
    const target = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))];
    target?.focus();
    target?.scrollIntoView({ block: 'nearest' });
  };
  const onRow = (act) => () => {
    const row = rowOf(active());
    if (row) act(row);
  };
  useKeys(
    [
      { keys: 'j', label: 'Next row', run: () => move(1) },
      { keys: 'k', label: 'Previous row', run: () => move(-1) },
      open && { keys: 'Enter', label: 'Open the row', run: onRow((row) => navigate(open(row))) },
      canSelect && { keys: 'x', label: 'Select the row', run: onRow(selection.toggle) },
      canSelect && { keys: 'Shift+X', label: 'Select to the row', run: onRow(selection.rangeTo) },
      canSelect && { keys: 'a', label: 'Actions on the selection', run: focusActions },
      ...(extraKeys ?? []).map((key) => ({ ...key, run: onRow(key.run) })),
      { keys: '[', label: 'Previous page', run: () => list.hasPrevious && list.previous() },
      { keys: ']', label: 'Next page', run: () => list.hasNext && list.next() },
    ].filter(Boolean),
    'Table',
  );
}

const focusActions = () => document.querySelector('[data-actions] button')?.focus();
