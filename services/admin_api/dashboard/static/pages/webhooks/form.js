// Opens the form of a webhook, and shows the secret of a new one.
import { html } from '../../core/html.js';
import { navigate } from '../../core/router.js';
import { openDialog } from '../../parts/dialog.js';
import { openSecret } from './secret.js';

/** Open the form of a new webhook, or of `webhook`. */
export async function openWebhookForm(webhook = null) {
  const { default: WebhookForm } = await import('./webhook_form.js');
  const saved = await openDialog((close) => html`<${WebhookForm} webhook=${webhook} close=${close} />`);
  if (saved?.conflict) openWebhookForm(saved.conflict);
  if (!saved?.secret) return;
  await openSecret(saved);
  navigate(`/ui/webhooks/${saved.id}`);
}
