// Times and durations. Ages count from the server's clock.
import { html } from '../core/html.js';
import { useNow } from '../core/clock.js';
import { age, duration } from '../core/format.js';
import { useSettings } from '../core/settings.js';

const DAY = 86_400_000;
const formats = new Map(); // zone and kind -> Intl.DateTimeFormat

function formatOf(zone, withDate) {
  const key = `${zone} ${withDate}`;
  if (!formats.has(key)) {
    formats.set(
      key,
      new Intl.DateTimeFormat('sv-SE', {
        ...(withDate && { year: 'numeric', month: '2-digit', day: '2-digit' }),
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
        hourCycle: 'h23',
        timeZone: zone === 'local' ? undefined : zone,
      }),
    );
  }
  return formats.get(key);
}

const millisecondsOf = (at) => (typeof at === 'number' ? at : Date.parse(at));

/** Return the time in a zone: 2026-11-30 12:00:05, or 12:00:05 if `near` is less than 12 hours away. */
export function absolute(at, zone, near = null) {
  const time = millisecondsOf(at);
  if (Number.isNaN(time)) return '–';
  const isNear = near !== null && Math.abs(near - time) < DAY / 2;
  return formatOf(zone, !isNear).format(time);
}

/** Return the time in UTC: 2026-11-30 12:00:05 UTC. */
export const utc = (at) => `${absolute(at, 'UTC')} UTC`;

/** Return "3m ago" or "in 2h". */
export function relative(at, from) {
  const seconds = (millisecondsOf(at) - from) / 1000;
  if (Number.isNaN(seconds)) return '–';
  if (Math.abs(seconds) < 1) return 'now';
  return seconds < 0 ? `${age(-seconds)} ago` : `in ${age(seconds)}`;
}

/** A time: absolute in the chosen zone with the age beside it, and UTC in the title. */
export function Time({ at, kind = 'both' }) {
  const { zone } = useSettings();
  const time = at === null || at === undefined ? NaN : millisecondsOf(at);
  const present = useNow(10);
  if (Number.isNaN(time)) return html`<span class="quiet">–</span>`;
  const iso = new Date(time).toISOString();
  return html`<time datetime=${iso} title=${utc(time)} class="time">
    ${kind !== 'relative' && html`<span>${absolute(time, zone, present)}</span>`}
    ${kind !== 'absolute' && html`<span class=${kind === 'both' ? 'quiet' : ''}>${relative(time, present)}</span>`}
  </time>`;
}

/** A length of time, such as 1m 15s. */
export const Duration = ({ seconds }) =>
  html`<span title=${seconds === null || seconds === undefined ? null : `${seconds} s`}>${duration(seconds)}</span>`;

/** The time since a moment: it grows each second. */
export function Running({ since }) {
  const present = useNow(1);
  return html`<span>${duration(Math.max(0, Math.round((present - millisecondsOf(since)) / 1000)))}</span>`;
}
