// The answer of the API as JSON, for readers who look for a field that the page does not show.
import { html, useState } from '../core/html.js';
import { Copy } from './button.js';

export function Raw({ data, path }) {
  const [isOpen, setOpen] = useState(false);
  const text = isOpen ? JSON.stringify(data, null, 2) : '';
  return html`<details class="raw" onToggle=${(event) => setOpen(event.target.open)}>
    <summary>JSON of <code>GET ${path}</code></summary>
    ${isOpen && html`<p><${Copy} text=${text} label="Copy the JSON" /></p><pre tabindex="0">${text}</pre>`}
  </details>`;
}
