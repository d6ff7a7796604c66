// A change met a newer version (409, 412): both versions side by side.
import { html } from '../core/html.js';
import { title as asTitle } from '../core/format.js';
import { Button } from './button.js';

const shown = (value) =>
  value === null || value === undefined
    ? '–'
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);

/**
 * `mine` and `theirs` map names of fields to values. Only the fields that differ are shown.
 * `onReload` takes the server's version; `onOverwrite` sends the reader's version again.
 */
export function Conflict({ error, mine, theirs, onReload, onOverwrite }) {
  const names = Object.keys(mine ?? {}).filter((name) => shown(mine[name]) !== shown(theirs?.[name]));
  return html`<div class="problem" role="alert">
    <p class="problem-title">Someone changed this meanwhile</p>
    <p>${error.detail}</p>
    ${theirs &&
    html`<table class="table plain">
      <thead><tr><th scope="col">Field</th><th scope="col">Yours</th><th scope="col">On the server</th></tr></thead>
      <tbody>
        ${names.map(
          (name) => html`<tr key=${name}>
            <th scope="row">${asTitle(name)}</th>
            <td>${shown(mine[name])}</td>
            <td>${shown(theirs[name])}</td>
          </tr>`,
        )}
      </tbody>
    </table>`}
    <p class="problem-foot">
      ${onReload && html`<${Button} kind="primary" onClick=${onReload}>Take the server's version<//>`}
      ${onOverwrite && html`<${Button} kind="danger" onClick=${onOverwrite}>Send mine anyway<//>`}
    </p>
  </div>`;
}
