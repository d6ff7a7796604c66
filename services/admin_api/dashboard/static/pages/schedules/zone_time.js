// A due time in the reader's zone, and in the zone of its schedule.
import { html } from '../../core/html.js';
import { useSettings } from '../../core/settings.js';
import { Time, absolute } from '../../parts/time.js';

/** Return the time in a zone, or null if the browser does not know the zone. */
export function inZone(at, zone) {
  try {
    return absolute(at, zone);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const mine = (zone) => (zone === 'local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone);

export function ZoneTime({ at, zone, none = '–' }) {
  const settings = useSettings();
  if (!at) return html`<span class="quiet">${none}</span>`;
  const there = zone !== mine(settings.zone) && inZone(at, zone);
  return html`<span><${Time} at=${at} />${there && html`<span class="quiet there breaks"> ${there.slice(0, 16)} in ${zone}</span>`}</span>`;
}
