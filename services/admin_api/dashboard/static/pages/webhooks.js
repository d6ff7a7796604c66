// The pages of webhooks: the list, one webhook, and one delivery. One file, because they share most parts.
import { html } from '../core/html.js';
import { Delivery } from './webhooks/delivery_page.js';
import { WebhookList } from './webhooks/list_page.js';
import { Webhook } from './webhooks/webhook_page.js';

/** `params` has the id of a webhook or of a delivery, or neither. */
export default function Webhooks({ params }) {
  if (params.delivery) return html`<${Delivery} params=${{ id: params.delivery }} />`;
  return params.id ? html`<${Webhook} params=${params} />` : html`<${WebhookList} />`;
}
