// The server's clock. Ages are differences of server times, so a wrong clock of the browser harms nothing.
import { useEffect, useState } from './html.js';

const SECOND = 1000;
let offset = 0; // milliseconds that the server is ahead of the browser
let leastDelay = Infinity;
const tickers = new Map(); // seconds -> { timer, listeners }

/** Learn the server's time from the Date header of a response. */
export function learn(dateHeader, sentAt, receivedAt) {
  const date = Date.parse(dateHeader ?? '');
  if (Number.isNaN(date)) return;
  const delay = receivedAt - sentAt;
  // The header has whole seconds, so its middle is the best guess. Fast answers are the most exact.
  const found = date + SECOND / 2 - (sentAt + delay / 2);
  if (delay > leastDelay * 2 && Math.abs(found - offset) < 2 * SECOND) return;
  leastDelay = Math.min(delay, leastDelay) || 1;
  if (Math.abs(found - offset) > SECOND) offset = found;
}

/** Return the server's time in milliseconds since 1970. */
export const now = () => Date.now() + offset;

/** Return the number of milliseconds that the server is ahead of this browser. */
export const clockOffset = () => offset;

/** Return the server's time, and render again after so many seconds while the tab is visible. */
export function useNow(seconds = 1) {
  const [, render] = useState(0);
  useEffect(() => subscribe(seconds, () => render((count) => count + 1)), [seconds]);
  return now();
}

function subscribe(seconds, listener) {
  let ticker = tickers.get(seconds);
  if (!ticker) {
    const listeners = new Set();
    const tick = () => {
      if (!document.hidden) for (const each of [...listeners]) each();
    };
    ticker = { listeners, timer: setInterval(tick, seconds * SECOND) };
    tickers.set(seconds, ticker);
  }
  ticker.listeners.add(listener);
  return () => {
    ticker.listeners.delete(listener);
    if (ticker.listeners.size > 0) return;
    clearInterval(ticker.timer);
    tickers.delete(seconds);
  };
}
