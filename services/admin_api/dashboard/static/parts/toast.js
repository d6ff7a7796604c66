// Short messages at the edge of the page, which screen readers announce.
import { html } from '../core/html.js';
import { createStore, useStore } from '../core/store.js';
import { Button } from './button.js';
import { Icon } from './icon.js';

const SHOWN_MS = 8000;
const MOST = 4;
const shown = createStore([]);
let count = 0;

/** Show a message: toast('Saved', { tone: 'good', action: { label, href } }). */
export function toast(text, { tone = 'good', action = null } = {}) {
  count += 1;
  const id = count;
  const close = () => shown.set((all) => all.filter((each) => each.id !== id));
  shown.set((all) => [...all.slice(1 - MOST), { id, text, tone, action, close }]);
  if (tone !== 'bad') setTimeout(close, SHOWN_MS);
}

/** The place of the messages, in the shell. */
export function Toasts() {
  const all = useStore(shown);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${all.map(
      ({ id, text, tone, action, close }) => html`<div class=${`toast tone-${tone}`} key=${id}>
        <${Icon} name=${tone === 'bad' ? 'warn' : 'check'} />
        <span>${text}</span>
        ${action && html`<a href=${action.href}>${action.label}</a>`}
        <${Button} kind="quiet small" icon="cross" aria-label="Close the message" onClick=${close} />
      </div>`,
    )}
  </div>`;
}
