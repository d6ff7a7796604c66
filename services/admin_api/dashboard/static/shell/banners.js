// Banners above each page: paused crawling, an outage, no database, a token that expires soon.
import { html } from '../core/html.js';
import { now, useNow } from '../core/clock.js';
import { usePoll } from '../core/poll.js';
import { useSession } from '../core/session.js';
import { Icon } from '../parts/icon.js';
import { Time } from '../parts/time.js';

const SOON_MS = 30 * 60 * 1000;
const INTERVAL_SECONDS = 30;
const STOPPED = new Set(['paused']);

export function Banners() {
  const { identity, error } = useSession();
  const canRead = identity?.scopes.includes('read');
  const overview = usePoll(canRead ? '/api/admin/overview' : null, {
    interval: INTERVAL_SECONDS,
    background: true,
  });
  useNow(10);
  const banners = [
    ...failures(overview.error ?? error),
    ...pauses(overview.data),
    ...expiry(identity),
  ];
  return html`<div class="banners" role="status" aria-live="polite">
    ${banners.map(
      ({ id, tone, text }) => html`<p class=${`banner tone-${tone}`} key=${id}><${Icon} name="warn" /><span>${text}</span></p>`,
    )}
  </div>`;
}

function failures(error) {
  if (!error?.isUnavailable) return [];
  const text = error.isNetwork
    ? 'The server cannot be reached. The page shows the last data and asks again by itself.'
    : `${error.title}. The page shows the last data and asks again by itself.`;
  return [{ id: 'unavailable', tone: 'bad', text }];
}

function expiry(identity) {
  const left = identity?.expires_at ? Date.parse(identity.expires_at) - now() : Infinity;
  if (left > SOON_MS) return [];
  const text = html`The token "${identity.name}" expires <${Time} at=${identity.expires_at} kind="relative" />. Sign in with another one.`;
  return [{ id: 'expiry', tone: 'warn', text }];
}

/** Return the banners of a pause of the whole queue, and of client ids that cannot crawl now. */
function pauses(overview) {
  if (!overview) return [];
  const paused = overview.pauses.everything;
  const stopped = overview.budget.clients.filter((client) => client.in_use && STOPPED.has(client.state));
  return [
    paused && { id: 'paused', tone: 'warn', text: pauseText(paused) },
    ...stopped.map((client) => ({
      id: `client ${client.client_id}`,
      tone: 'bad',
      text: `Reddit, client id ${client.client_id}: ${client.reason ?? client.state}${client.remedy ? ` ${client.remedy}` : ''}`,
    })),
  ].filter(Boolean);
}

function pauseText({ reason, until, paused_by: actor }) {
  const end = until ? html` until <${Time} at=${until} />` : ' until it is resumed';
  return html`Crawling is paused by "${actor}"${end}. Reason: ${reason}`;
}
