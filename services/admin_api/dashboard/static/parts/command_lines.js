// The same change as a curl line and as a crawlctl line, to copy.
import { html } from '../core/html.js';
import { urlOf } from '../core/api.js';
import { Copy } from './button.js';

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** Quote an argument for a POSIX shell. */
export function quoted(argument) {
  const text = String(argument);
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Return the curl line of a request. The token is in a file, because others can see command lines. */
export function curlLine({ method, path, body, query, ifMatch }) {
  const address = new URL(urlOf(path, query), location.href).href;
  const parts = ['curl', '-sS', '-X', method, '-H', '@admin-header'];
  if (ifMatch) parts.push('-H', quoted(`If-Match: ${ifMatch}`));
  if (body !== undefined) {
    parts.push('-H', quoted('Content-Type: application/json'), '-d', quoted(JSON.stringify(body)));
  }
  return [...parts, quoted(address)].join(' ');
}

export function CommandLines({ request, crawlctl }) {
  const lines = [
    ['curl', curlLine(request)],
    crawlctl && ['crawlctl', ['crawlctl', ...crawlctl].map(quoted).join(' ')],
  ].filter(Boolean);
  return html`<details class="command-lines">
    <summary>The same from a terminal</summary>
    ${lines.map(
      ([name, line]) => html`<div class="command-line" key=${name}>
        <code tabindex="0" aria-label=${`${name} line`}>${line}</code>
        <${Copy} text=${line} label=${`Copy ${name}`} />
      </div>`,
    )}
  </details>`;
}
