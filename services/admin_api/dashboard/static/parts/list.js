// A list that is read page by page with cursors, and keeps its place when new rows arrive.
import { html, useMemo, useRef, useState } from '../core/html.js';
import { usePoll } from '../core/poll.js';
import { setQuery, useQuery } from '../core/router.js';

const NEAR_TOP_PX = 120;

/** Return whether new rows must wait: the reader has scrolled, or works in the table. */
function mustWait(table) {
  if (!table) return false;
  const isInside = table.contains(document.activeElement) && document.activeElement !== table;
  return scrollY > NEAR_TOP_PX || isInside || table.querySelector('[aria-selected="true"]') !== null;
}

/** Put new versions of the shown rows in their places. Rows that left the answer stay, marked. */
function merged(shown, items, keyOf) {
  const newer = new Map(items.map((row) => [keyOf(row), row]));
  return shown.map((row) => newer.get(keyOf(row)) ?? { ...row, isGone: true });
}

const idOf = (row) => row.id;

/**
 * Read a list. The address has its `cursor` and `sort`. README.md describes the result.
 * `defaultSort` is sent when the address has no sort. `rowKey` returns the identity of a row; `items` finds the rows in an answer.
 */
export function useList(path, options = {}) {
  const { query = {}, interval = 15, limit = 50, rowKey = idOf, items = (data) => data.items, defaultSort } = options;
  const [address] = useQuery();
  const [turn, setTurn] = useState(0);
  const element = useRef(null);
  const held = useRef({ url: null, seen: null, rows: [], pending: 0 });
  const [cursor, sort] = [address.get('cursor'), address.get('sort') ?? defaultSort];
  const poll = usePoll(path, { query: { ...query, sort, cursor, limit }, interval, keep: true });
  const { data, url, isChanging } = poll;
  const isFresh = turn !== held.current.turn;
  useMemo(() => {
    if (data === undefined || isChanging) return;
    const known = held.current;
    const rows = items(data);
    const isOther = known.url !== url || isFresh;
    if (!isOther && known.seen === data) return;
    if (isOther || !mustWait(element.current)) {
      held.current = { url, seen: data, rows, pending: 0, turn };
      return;
    }
    const keys = new Set(known.rows.map(rowKey));
    const pending = rows.filter((row) => !keys.has(rowKey(row))).length;
    held.current = { url, seen: data, rows: merged(known.rows, rows, rowKey), pending, turn };
  }, [data, url, isChanging, turn]);
  return {
    poll,
    path,
    query,
    sort,
    rowKey,
    element,
    rows: held.current.rows,
    pending: held.current.pending,
    showPending: () => setTurn((count) => count + 1),
    hasNext: Boolean(data?.next) && !isChanging,
    hasPrevious: cursor !== null,
    next: () => data?.next && setQuery({ cursor: data.next }, { push: true, state: { isNext: true } }),
    previous: () => (history.state?.isNext ? history.back() : setQuery({ cursor: null }, { push: true })),
    setSort: (value) => setQuery({ sort: value, cursor: null }),
  };
}

/** The buttons of the pages of a list. */
export function Pages({ list }) {
  if (!list.hasNext && !list.hasPrevious) return null;
  return html`<nav class="pages" aria-label="Pages of the list">
    <button type="button" class="button small" disabled=${!list.hasPrevious} onClick=${list.previous}>Previous <kbd>[</kbd></button>
    <button type="button" class="button small" disabled=${!list.hasNext} onClick=${list.next}>Next <kbd>]</kbd></button>
  </nav>`;
}
