// The action that removes an obstacle: a request that is rehearsed, or a sentence.
import { html } from '../core/html.js';
import { Button } from './button.js';
import { rehearse } from './rehearsal.js';

/** Return the arguments of a crawlctl line without the name of the program. */
const argumentsOf = (line) => (line ?? '').split(' ').slice(1).filter(Boolean);

/** `remedy`: { text, method, path, body, scope, crawlctl } of the API, or null. */
export function Remedy({ remedy, title, version }) {
  if (!remedy) return null;
  if (!remedy.path) return html`<span class="remedy">${remedy.text}</span>`;
  const run = () =>
    rehearse({
      title: title ?? remedy.text,
      verb: 'Send',
      scope: remedy.scope,
      method: remedy.method,
      path: remedy.path,
      body: remedy.body ?? undefined,
      ifMatch: version === undefined ? null : `"${version}"`,
      effect: remedy.text,
      crawlctl: argumentsOf(remedy.crawlctl),
      done: () => `Done: ${remedy.text}`,
    });
  return html`<span class="remedy">
    ${remedy.method === 'GET' ? remedy.text : html`<${Button} kind="small" scope=${remedy.scope} onClick=${run}>${remedy.text}<//>`}
  </span>`;
}
