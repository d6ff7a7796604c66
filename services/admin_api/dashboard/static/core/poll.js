// Polling for components: usePoll(). All components and tabs that ask for one URL share its poller.
import { urlOf } from './api.js';
import { useEffect, useRef, useState } from './html.js';
import { Poller, onVisible } from './poller.js';
import { onToken } from './session.js';
import { createStore, useStore } from './store.js';
import { getSettings } from './settings.js';

const KEPT_POLLERS = 20; // without components; so that the way back shows data at once
const pollers = new Map(); // url -> Poller; the least recently used first
const paused = createStore(false);
const last = createStore({ at: null, bytes: null, ms: null, isAsking: false, error: null });

export const usePaused = () => useStore(paused);
/** Return the last answer of the page's polls, for the footer. */
export const useLastPoll = () => useStore(last);
export const isPaused = () => paused.get() || getSettings().interval === 'off';

/** Pause or continue the updates of this tab. */
export function setPaused(value) {
  paused.set(value);
  for (const poller of pollers.values()) poller.plan();
}

/** Ask again for everything on the page. */
export const refreshAll = () =>
  Promise.all([...pollers.values()].filter((poller) => poller.isUsed).map((one) => one.ask()));

const SHARED_MS = 1100; // a process shares an answer for one second, so the first new one may be old

/** Ask again after a change, and once more when no answer from before the change is shared. */
export function refreshAfterChange() {
  setTimeout(refreshAll, SHARED_MS);
  return refreshAll();
}

function pollerOf(url) {
  let poller = pollers.get(url);
  if (poller) {
    pollers.delete(url); // and add it as the most recently used one
  } else {
    poller = new Poller(url, { isPaused, report });
    const unused = [...pollers.values()].filter((one) => !one.isUsed);
    for (const old of unused.slice(0, Math.max(0, unused.length - KEPT_POLLERS))) {
      pollers.delete(old.url);
    }
  }
  pollers.set(url, poller);
  return poller;
}

function report(poller) {
  if (poller.isBackground) return;
  const { at, bytes, ms, error } = poller.state;
  last.set({ at, bytes, ms, error, isAsking: poller.isAsking });
}

onVisible(() => {
  for (const poller of pollers.values()) poller.wake();
});
onToken(() => {
  for (const poller of pollers.values()) poller.reset();
});

/**
 * Ask a path each `interval` seconds. README.md describes the result.
 * `keep`: show the answer to the former query until the new one arrives.
 * `background`: the footer does not show this poll.
 */
export function usePoll(path, { query, interval = 15, keep = false, background = false } = {}) {
  const [, render] = useState(0);
  const former = useRef(null);
  const url = path === null || path === undefined ? null : urlOf(path, query);
  const poller = url === null ? null : pollerOf(url);
  useEffect(
    () => poller?.subscribe(() => render((count) => count + 1), { interval, background }),
    [poller, interval, background],
  );
  const state = poller?.state ?? {};
  if (state.data !== undefined) former.current = { path, state };
  const isChanging = keep && state.data === undefined && former.current?.path === path;
  const shown = isChanging ? former.current.state : state;
  return {
    url,
    data: shown.data,
    etag: shown.etag,
    at: shown.at ?? null,
    status: shown.status,
    error: state.error ?? null,
    isChanging,
    isLoading: poller !== null && shown.data === undefined && !state.error,
    isStale: poller?.isStale ?? false,
    refresh: () => poller?.ask() ?? Promise.resolve(),
  };
}
