// The states of a page: first load, data, stale, empty, and each kind of error.
import { html, useEffect, useState } from '../core/html.js';
import { Time } from './time.js';
import { Button } from './button.js';
import { Icon } from './icon.js';
import { Problem } from './problem.js';

export { Problem } from './problem.js';
export { Conflict } from './conflict.js';

const SKELETON_MS = 150; // faster answers show no skeleton

/** Grey lines in the size of the later rows. They appear after 150 ms and move nothing. */
export function Skeleton({ rows = 6 }) {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), SKELETON_MS);
    return () => clearTimeout(timer);
  }, []);
  return html`<div class=${`skeleton ${isShown ? '' : 'unborn'}`} role="status" aria-busy="true">
    <span class="unseen">Loading</span>
    ${Array.from({ length: rows }, (_, row) => html`<span class="skeleton-row" key=${row} />`)}
  </div>`;
}

/** Nothing is there: how to begin, with a button. */
export function Empty({ title, text, action }) {
  return html`<div class="empty">
    <p class="empty-title">${title}</p>
    ${text && html`<p>${text}</p>`}
    ${action?.href && html`<p><a class="button primary" href=${action.href}>${action.label}</a></p>`}
    ${action?.run &&
    html`<p><${Button} kind="primary" scope=${action.scope} onClick=${action.run}>${action.label}<//></p>`}
  </div>`;
}

/** Nothing matches the filters: names them, and clears them. */
export function EmptyByFilters({ filters, what = 'rows' }) {
  return html`<div class="empty">
    <p class="empty-title">No ${what} match the filters</p>
    <ul class="chips">
      ${filters.active.map(({ name, label, text }) => html`<li key=${name} class="chip">${label}: ${text}</li>`)}
    </ul>
    <p><${Button} kind="primary" onClick=${() => filters.clear()}>Clear all filters<//></p>
  </div>`;
}

/** A note that the data is old, or that the last request failed. */
export function Staleness({ poll }) {
  const { error, isStale, at } = poll;
  if (poll.data === undefined || (!error && !isStale)) return null;
  return html`<p class="note tone-warn" role="status">
    <${Icon} name="warn" />
    <span>These data are from ${at ? html`<${Time} at=${at} />` : 'an earlier answer'}.
    ${error ? ` ${error.detail || error.title}` : ' No newer answer has come.'}</span>
    <${Button} kind="small" icon="refresh" onClick=${() => poll.refresh()}>Try now<//>
  </p>`;
}

/**
 * Shows a poll: skeleton, error, empty state or data. After a failed request the data stays.
 * `empty(data)` returns the properties of <Empty>, or a false value when there is data.
 */
export function Loaded({ poll, children, empty, rows = 6, what = 'page' }) {
  const { data, error } = poll;
  if (data === undefined) {
    if (!error) return html`<${Skeleton} rows=${rows} />`;
    return html`<${Problem} error=${error} what=${what} retry=${() => poll.refresh()} />`;
  }
  if (error && [403, 404, 410].includes(error.status)) {
    return html`<${Problem} error=${error} what=${what} retry=${() => poll.refresh()} />`;
  }
  const none = empty?.(data);
  return html`<${Staleness} poll=${poll} />
    <div class=${poll.isChanging ? 'changing' : ''} aria-busy=${poll.isChanging ? 'true' : null}>
      ${none ? html`<${Empty} ...${none} />` : children(data)}
    </div>`;
}
