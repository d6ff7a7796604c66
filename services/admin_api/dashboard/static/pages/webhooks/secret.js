// The secret of a webhook, with which its receiver verifies requests. It is shown once after a change.
import { html } from '../../core/html.js';
import { Button, Copy } from '../../parts/button.js';
import { Dialog, openDialog } from '../../parts/dialog.js';
import { Time } from '../../parts/time.js';

/** Show the secret of a created or changed webhook. Returns a promise that ends with the dialog. */
export const openSecret = (webhook) => openDialog((close) => html`<${Secret} webhook=${webhook} close=${close} />`);

function Secret({ webhook, close }) {
  const done = html`<${Button} kind="primary" onClick=${() => close()}>I have stored it<//>`;
  const until = webhook.previous_secret_until;
  return html`<${Dialog} title=${`The secret of webhook ${webhook.id}`} onClose=${() => close()} actions=${done}>
    <p>The dashboard shows it only now. Store it where your receiver reads it: with it the receiver verifies that a request is from this server.</p>
    <div class="command-line"><code tabindex="0" aria-label="Secret">${webhook.secret}</code><${Copy} text=${webhook.secret} label="Copy the secret" /></div>
    ${until && html`<p>The former secret signs each request too, until <${Time} at=${until} />.</p>`}
  <//>`;
}
