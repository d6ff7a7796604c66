// A change met a newer version (409, 412): both versions side by side.
import { html, useEffect, useRef } from '../core/html.js';
import { title as asTitle } from '../core/format.js';
import { Differences } from './audit_rows.js';
import { Button } from './button.js';

const shown = (value) =>
  value === null || value === undefined
    ? '–'
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);

const picked = (values, like) => Object.fromEntries(Object.keys(like).map((name) => [name, values[name]]));

/**
 * `mine` and `theirs` map names of fields to values. Only the fields that differ are shown. With
 * `base`, the version that the reader saw, the changes of the other person are shown too.
 * `onReload` takes the server's version; `onOverwrite` sends the reader's version again, under the
 * label `overwrite`.
 */
export function Conflict({ error, mine, theirs, base, onReload, onOverwrite, overwrite = 'Send mine anyway' }) {
  const names = Object.keys(mine ?? {}).filter((name) => shown(mine[name]) !== shown(theirs?.[name]));
  const element = useRef(null);
  useEffect(() => element.current.scrollIntoView({ block: 'nearest' }), []);
  return html`<div class="problem" role="alert" ref=${element}>
    <p class="problem-title">Someone changed this meanwhile</p>
    <p>${error.detail}</p>
    ${theirs && base && html`<p>Changed meanwhile:</p><${Differences} before=${base} after=${picked(theirs, base)} />`}
    ${theirs && names.length > 0 &&
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
      ${onOverwrite && html`<${Button} kind="danger" onClick=${onOverwrite}>${overwrite}<//>`}
    </p>
  </div>`;
}
