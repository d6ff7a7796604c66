// The address of the page: routes, links, and the query as state. All pages are below /ui.
import { useMemo } from './html.js';
import { createStore, useStore } from './store.js';
import { urlOf } from './api.js';

export const ROOT = '/ui';
const place = createStore(read());
let pages = [];
const guards = new Set();

function read() {
  const path = location.pathname.replace(/^\/ui\/?/, '/').replace(/(.)\/$/, '$1');
  return { path, search: location.search };
}

/** Return the link to a page: hrefOf('/ui/jobs', { status: 'failed' }). */
export const hrefOf = urlOf;

/**
 * Go to a page of the dashboard. `replace` adds no entry to the history of the browser. `state` is
 * kept with the entry.
 */
export function navigate(href, { replace = false, state = null } = {}) {
  const target = new URL(href, location.href);
  if (target.origin !== location.origin || !isPage(target.pathname)) {
    location.assign(target.href);
    return;
  }
  const isNewPage = target.pathname !== location.pathname;
  if (isNewPage && [...guards].some((guard) => !guard())) return;
  history[replace ? 'replaceState' : 'pushState'](state, '', target.href);
  place.set(read());
  if (isNewPage) scrollTo(0, 0);
}

const isPage = (path) => (path === ROOT || path.startsWith(`${ROOT}/`)) && !path.startsWith(`${ROOT}/static/`);

/** Ask before the reader leaves the page. The guard returns whether leaving is allowed. */
export function addGuard(guard) {
  guards.add(guard);
  return () => guards.delete(guard);
}

/** Follow links and the buttons of the browser from now on. */
export function startRouter(table) {
  pages = table.map((page) => ({ ...page, pattern: patternOf(page.path) }));
  addEventListener('popstate', () => place.set(read()));
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest?.('a[href]');
    if (!link || link.target || link.hasAttribute('download')) return;
    const target = new URL(link.href, location.href);
    if (target.origin !== location.origin || !isPage(target.pathname)) return;
    const isAnchor = target.pathname === location.pathname && target.hash !== '';
    if (isAnchor) return;
    event.preventDefault();
    navigate(target.href);
  });
}

function patternOf(path) {
  const parts = path.split('/').map((part) => (part.startsWith(':') ? `(?<${part.slice(1)}>[^/]+)` : part));
  return new RegExp(`^${parts.join('/')}$`);
}

/** Return { path, page, params } of the present address; page is null for unknown addresses. */
export function useRoute() {
  const { path } = useStore(place);
  return useMemo(() => routeOf(path), [path]);
}

export function routeOf(path) {
  for (const page of pages) {
    const found = page.pattern.exec(path);
    if (found) return { path, page, params: decoded(found.groups ?? {}) };
  }
  return { path, page: null, params: {} };
}

function decoded(groups) {
  const pairs = Object.entries(groups).map(([name, value]) => {
    try {
      return [name, decodeURIComponent(value)];
    } catch {
      return [name, value];
    }
  });
  return Object.fromEntries(pairs);
}

/** Return the query of the address, and a function that changes parameters of it. */
export function useQuery() {
  const { search } = useStore(place);
  const query = useMemo(() => new URLSearchParams(search), [search]);
  return [query, setQuery];
}

/** Replace these parameters of the address. A list repeats its parameter; null removes it. */
export function setQuery(changes, { push = false, state = null } = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== '') query.append(name, String(each));
    }
  }
  navigate(urlOf(location.pathname, query), { replace: !push, state });
}
