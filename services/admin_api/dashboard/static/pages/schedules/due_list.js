// Due times in the zone of a schedule as a short list, for the preview of a form.
import { html } from '../../core/html.js';
import { Icon } from '../../parts/icon.js';
import { Time } from '../../parts/time.js';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** Return an ISO time with an offset as "Mon 2026-11-30 07:00". */
export function localText(iso) {
  const day = new Date(`${iso.slice(0, 10)}T00:00:00Z`).getUTCDay();
  return `${DAYS[day] ?? ''} ${iso.slice(0, 16).replace('T', ' ')}`;
}

export const Note = ({ note }) => note && html`<span class="due-note"><${Icon} name="warn" /> ${note}</span>`;

/** `times`: [{ utc, local, note }] as the API returns them. */
export const DueList = ({ times }) => html`<ol class="due-list">
  ${times.map(
    ({ utc, local, note }) => html`<li key=${utc}>${localText(local)} <span class="quiet"><${Time} at=${utc} kind="relative" /></span> <${Note} note=${note} /></li>`,
  )}
</ol>`;
