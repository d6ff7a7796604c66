// The selected rows of a table: single ones, ranges, all of the page, or all that match the filters.
import { useRef, useState } from '../core/html.js';

/**
 * Return the selection of a list. It stays when data arrives. `filterKey` names the filters: other
 * filters clear the selection, because it would contain rows that the reader does not see.
 */
export function useSelection(list, filterKey) {
  const [chosen, setChosen] = useState({ key: filterKey, rows: new Map(), isAll: false });
  const anchor = useRef(null);
  const present = chosen.key === filterKey ? chosen : { key: filterKey, rows: new Map(), isAll: false };
  const { rows, isAll } = present;
  const set = (next, all = false) => setChosen({ key: filterKey, rows: next, isAll: all });
  const keyOf = list.rowKey;
  const toggle = (row) => {
    const next = new Map(rows);
    const key = keyOf(row);
    if (!next.delete(key)) next.set(key, row);
    anchor.current = key;
    set(next);
  };
  const rangeTo = (row) => {
    const keys = list.rows.map(keyOf);
    const from = Math.max(0, keys.indexOf(anchor.current));
    const to = keys.indexOf(keyOf(row));
    const next = new Map(rows);
    for (const each of list.rows.slice(Math.min(from, to), Math.max(from, to) + 1)) next.set(keyOf(each), each);
    set(next);
  };
  const isPage = list.rows.length > 0 && list.rows.every((row) => rows.has(keyOf(row)));
  return {
    isAll,
    isPage,
    rows: [...rows.values()],
    ids: isAll ? [] : [...rows.keys()],
    query: list.query,
    count: isAll ? null : rows.size,
    isEmpty: !isAll && rows.size === 0,
    has: (row) => isAll || rows.has(keyOf(row)),
    toggle,
    rangeTo,
    togglePage: () => set(isPage ? new Map() : new Map([...rows, ...list.rows.map((row) => [keyOf(row), row])])),
    selectAll: () => set(rows, true),
    clear: () => set(new Map()),
  };
}
