// One tab of a browser asks for all of them: a lock elects it, and messages share the answers.
import { sessionName } from './session.js';

const PREFIX = 'crawljobs-ui';
const listeners = new Map(); // url -> Set of listeners
const channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel(PREFIX) : null;

channel?.addEventListener('message', ({ data }) => {
  // Another tab may have another token with other rights.
  if (!data || data.session !== sessionName() || data.session === null) return;
  for (const listener of listeners.get(data.url) ?? []) listener(data.answer);
});

/** Hand an answer to the other tabs with the same token. */
export function share(url, answer) {
  const session = sessionName();
  if (session !== null) channel?.postMessage({ url, session, answer });
}

/** Call the listener for each answer of another tab, until the returned function is called. */
export function onShared(url, listener) {
  const known = listeners.get(url) ?? new Set();
  listeners.set(url, known.add(listener));
  return () => {
    known.delete(listener);
    if (known.size === 0) listeners.delete(url);
  };
}

/**
 * Wait for the turn to ask a URL for all tabs. Calls `changed(true)` at the begin of the turn.
 * Returns a function that ends the turn or the wait. Without locks (no secure context) each visible
 * tab has the turn.
 */
export function holdTurn(url, changed) {
  if (!navigator.locks) {
    queueMicrotask(() => changed(true));
    return () => {};
  }
  const controller = new AbortController();
  let release = () => {};
  const held = new Promise((resolve) => {
    release = resolve;
  });
  navigator.locks
    .request(`${PREFIX} ${sessionName()} ${url}`, { signal: controller.signal }, () => {
      if (controller.signal.aborted) return undefined;
      changed(true);
      return held;
    })
    .catch(() => {
      // The wait was ended.
    });
  return () => {
    controller.abort();
    release();
  };
}
