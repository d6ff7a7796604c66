// An error of a request, with its cause and the way out.
import { html } from '../core/html.js';
import { now, useNow } from '../core/clock.js';
import { useEffect, useState } from '../core/html.js';
import { Button } from './button.js';
import { Icon } from './icon.js';

const SCOPE = /scope ([a-z_]+)/;

/** Return the heading and the text for an error. `what` is the noun of the thing that was asked for. */
export function explained(error, what) {
  if (error.isNetwork) return ['No connection to the server', error.detail];
  if (error.status === 401) return ['Sign in again', 'The token is not valid any more.'];
  if (error.status === 403) {
    const scope = SCOPE.exec(error.detail)?.[1];
    return [scope ? `The token lacks the scope "${scope}"` : 'Not allowed', error.detail];
  }
  if (error.status === 404) {
    return [
      `This ${what} does not exist`,
      `It was never there, or it was deleted: finished ones are pruned after some time (30 days by default).`,
    ];
  }
  if (error.status === 429) return ['Too many requests', error.detail];
  if (error.status === 503) return [error.title || 'Not available now', error.detail];
  return [error.title || 'The request failed', error.detail];
}

/** Seconds until a time, and a call when they are over. */
function Countdown({ until, over }) {
  useNow(1);
  const left = Math.max(0, Math.ceil((until - now()) / 1000));
  useEffect(() => {
    if (left === 0) over?.();
  }, [left === 0]);
  return html`<span>Next try in ${left} s.</span>`;
}

export function Problem({ error, retry, what = 'page' }) {
  const [title, text] = explained(error, what);
  const [until, setUntil] = useState(null);
  useEffect(() => {
    setUntil(error.retryAfter ? now() + error.retryAfter * 1000 : null);
  }, [error]);
  return html`<div class="problem" role="alert">
    <p class="problem-title"><${Icon} name="warn" /> ${title}</p>
    <p>${text}</p>
    ${error.errors.length > 0 &&
    html`<ul>
      ${error.errors.slice(0, 10).map(
        ({ pointer, detail }, at) => html`<li key=${at}><code>${pointer}</code>: ${detail}</li>`,
      )}
    </ul>`}
    <p class="problem-foot">
      ${retry && html`<${Button} icon="refresh" onClick=${retry}>Try again<//>`}
      ${retry && until && html`<${Countdown} until=${until} key=${until} />`}
      ${error.code && html`<span class="quiet">${error.code}</span>`}
      ${error.requestId && html`<span class="quiet">Request <code>${error.requestId}</code></span>`}
    </p>
  </div>`;
}
