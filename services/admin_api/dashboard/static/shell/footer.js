// The footer: the age, size and duration of the shown data, the state of the updates, the token.
import { html } from '../core/html.js';
import { bytes } from '../core/format.js';
import { refreshAll, setPaused, useLastPoll, usePaused } from '../core/poll.js';
import { signOut, useSession } from '../core/session.js';
import { useSettings } from '../core/settings.js';
import { Button } from '../parts/button.js';
import { Menu } from '../parts/menu.js';
import { absolute, utc } from '../parts/time.js';
import { openKeyHelp } from './key_help.js';

export function Footer() {
  return html`<footer class="foot">
    <${LastPoll} />
    <span class="grow" />
    <${Token} />
    <${Button} kind="quiet small" onClick=${openKeyHelp}>Keys <kbd>?</kbd><//>
  </footer>`;
}

function LastPoll() {
  const { at, bytes: size, ms, error } = useLastPoll();
  const paused = usePaused();
  const { zone, interval } = useSettings();
  const isOff = paused || interval === 'off';
  const state = error ? (error.status ? `error ${error.status}` : 'no answer') : isOff ? 'updates paused' : 'live';
  return html`<span class=${`poll tone-${error ? 'bad' : isOff ? 'warn' : 'good'}`}>
      <span class="poll-dot" aria-hidden="true" />${state}
    </span>
    ${at &&
    html`<span class="poll-facts">as of <time datetime=${new Date(at).toISOString()} title=${utc(at)}>${absolute(at, zone, at)}</time>, ${bytes(size)}, ${ms} ms</span>`}
    <${Button} kind="quiet small" icon="refresh" aria-label="Refresh now (r)" onClick=${refreshAll} />
    ${interval !== 'off' &&
    html`<${Button} kind="quiet small" icon=${paused ? 'play' : 'pause'} aria-pressed=${paused ? 'true' : 'false'}
      aria-label="Pause updates (p)" onClick=${() => setPaused(!paused)} />`}`;
}

function Token() {
  const { identity, state } = useSession();
  if (state === 'checking') return html`<span class="quiet">checking the token</span>`;
  if (!identity) return null;
  return html`<${Menu}
    label=${html`<span class="clip">${identity.name}</span>`}
    name="Token"
    kind="quiet small"
    icon="key"
    items=${[
      { text: `Scopes: ${identity.scopes.join(', ')}` },
      { text: identity.expires_at ? `Expires ${utc(identity.expires_at)}` : 'Never expires' },
      { label: 'Sign out', run: signOut },
    ]}
  />`;
}
