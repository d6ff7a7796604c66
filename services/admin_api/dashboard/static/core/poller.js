// Asks one URL again and again, for all components of this tab and, by messages, for all tabs.
import { api } from './api.js';
import { now } from './clock.js';
import { getSettings } from './settings.js';
import { holdTurn, onShared, share } from './tabs.js';

const LONGEST_SECONDS = 60;
const STALE_INTERVALS = 3;
const SILENT_INTERVALS = 2; // of the tab that asks for all tabs, before another tab asks too
const JITTER = 0.1;
const SKEW_MS = 3000; // two tabs may guess the server's time with this difference
const EMPTY = { data: undefined, error: null, at: null };

/** Call the listener when the tab becomes visible or hidden. */
export const onVisible = (listener) => document.addEventListener('visibilitychange', listener);

export class Poller {
  constructor(url, { isPaused, report }) {
    this.url = url;
    this.state = EMPTY;
    this.askedAt = -Infinity;
    this.failures = 0;
    this.subscribers = new Map();
    this.isPaused = isPaused;
    this.report = report;
    this.running = null;
    this.leaveTurn = null;
    this.hasTurn = false;
  }

  get isUsed() {
    return this.subscribers.size > 0;
  }

  get isAsking() {
    return this.running !== null;
  }

  get isBackground() {
    return [...this.subscribers.values()].every((each) => each.background);
  }

  /** Return the shortest interval of the components, in seconds. */
  get interval() {
    const least = Math.min(...[...this.subscribers.values()].map((each) => each.interval));
    return getSettings().interval === 'slow' ? least * 4 : least;
  }

  get isStale() {
    if (!this.state.at || !this.isUsed || this.isPaused()) return false;
    return now() - this.state.at > STALE_INTERVALS * this.interval * 1000;
  }

  /** Call the listener after each change, until the returned function is called. */
  subscribe(listener, options) {
    this.subscribers.set(listener, options);
    this.unshare ??= onShared(this.url, (answer) => this.accept(answer));
    this.plan();
    return () => {
      this.subscribers.delete(listener);
      // The next component may ask for the same URL in the same turn.
      queueMicrotask(() => !this.isUsed && this.stop());
    };
  }

  stop() {
    clearTimeout(this.timer);
    clearTimeout(this.staleTimer);
    this.running?.controller.abort();
    this.leaveTurn?.();
    this.unshare?.();
    this.leaveTurn = this.unshare = null;
    this.hasTurn = false;
  }

  /** Forget the answer of a former token. */
  reset() {
    this.running?.controller.abort();
    this.running = null;
    this.state = EMPTY;
    this.failures = 0;
    this.askedAt = -Infinity;
    this.notify();
    this.plan();
  }

  /** Set the time of the next request: none while the tab is hidden or paused. */
  plan() {
    clearTimeout(this.timer);
    if (document.hidden || !this.isUsed) {
      this.leaveTurn?.();
      this.leaveTurn = null;
      this.hasTurn = false;
      return;
    }
    const isFirst = this.state.data === undefined && this.failures === 0;
    if (isFirst) {
      this.ask();
      return;
    }
    if (this.isPaused()) return;
    this.leaveTurn ??= holdTurn(this.url, (hasTurn) => {
      this.hasTurn = hasTurn;
      this.plan();
    });
    const since = (Date.now() - this.askedAt) / 1000;
    this.timer = setTimeout(() => this.ask(), Math.max(0, this.delay() - since) * 1000);
  }

  /** Return the seconds between the last request and the next one. */
  delay() {
    const jitter = 1 + JITTER * (2 * Math.random() - 1);
    if (this.failures > 0) {
      const { retryAfter } = this.state.error ?? {};
      const doubled = Math.min(LONGEST_SECONDS, this.interval * 2 ** this.failures);
      return (retryAfter ?? doubled) * (1 + JITTER * Math.random());
    }
    return this.interval * jitter * (this.hasTurn ? 1 : SILENT_INTERVALS);
  }

  /** Ask now. Returns a promise that ends with the answer or its error. */
  ask() {
    if (this.running) return this.running.done;
    clearTimeout(this.timer);
    const controller = new AbortController();
    const run = { controller };
    run.done = this.exchange(run);
    this.running = run;
    this.report(this);
    return run.done;
  }

  async exchange(run) {
    this.askedAt = Date.now();
    try {
      const answer = await api.get(this.url, { signal: run.controller.signal });
      if (this.running !== run) return; // late: a newer token or query has replaced this request
      this.running = null;
      this.accept(answer);
      share(this.url, answer);
    } catch (error) {
      if (this.running !== run) return;
      this.running = null;
      if (error.isAborted) return;
      this.failures += 1;
      this.askedAt = Date.now();
      this.state = { ...this.state, error };
      this.notify();
      this.plan();
    }
  }

  /** Show an answer, of this tab or of another one. */
  accept({ data, etag, at, bytes, ms, status }) {
    if (this.state.at && at < this.state.at - SKEW_MS) return;
    this.failures = 0;
    this.askedAt = Date.now();
    // An unchanged answer keeps its object, so components that compare it render nothing.
    const isSame = etag && etag === this.state.etag && this.state.data !== undefined;
    this.state = { data: isSame ? this.state.data : data, etag, at, bytes, ms, status, error: null };
    this.notify();
    this.plan();
    clearTimeout(this.staleTimer);
    const limit = STALE_INTERVALS * this.interval * 1000 + 100;
    if (this.isUsed) this.staleTimer = setTimeout(() => this.notify(), limit);
  }

  /** The tab became visible or hidden. */
  wake() {
    if (!document.hidden && this.isUsed) this.notify();
    this.plan();
  }

  /** Render the components. A hidden tab renders when it becomes visible. */
  notify() {
    if (document.hidden) return;
    this.report(this);
    for (const listener of [...this.subscribers.keys()]) listener();
  }
}

