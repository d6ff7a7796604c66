// The changes of one delivery: attempt a pending one now, replay an ended one.
import { html } from '../../core/html.js';
import { useKeys } from '../../core/keys.js';
import { Button } from '../../parts/button.js';
import { rehearse } from '../../parts/rehearsal.js';

const PATH = '/api/admin/webhooks/deliveries';

const replay = ({ id }) =>
  rehearse({
    title: `Replay delivery ${id}`,
    verb: 'Replay',
    scope: 'webhooks',
    method: 'POST',
    path: `${PATH}/${id}/replay`,
    effect: 'The receiver gets the same event again, with the same webhook-id and body, in up to 10 attempts. While the webhook is disabled, the delivery is held.',
    crawlctl: ['webhooks', 'replay', '--delivery', String(id)],
    done: (data) => `Delivery ${id} is ${data.state} again`,
  });

const sendNow = ({ id }) =>
  rehearse({
    title: `Send delivery ${id} now`,
    verb: 'Send now',
    scope: 'webhooks',
    method: 'POST',
    path: `${PATH}/${id}/send-now`,
    effect: 'The next attempt begins at once, without the rest of its delay. It is one of the attempts of the delivery.',
    crawlctl: ['webhooks', 'send-now', String(id)],
    done: () => `Delivery ${id} is attempted now`,
  });

const actionOf = ({ state }) => (state === 'pending' ? ['Send now', sendNow] : state === 'held' ? null : ['Replay', replay]);

/** The one change that the state of a delivery allows; a held delivery has none. */
export function DeliveryButton({ delivery, kind = 'primary', withKey = false }) {
  const found = actionOf(delivery);
  const run = () => found[1](delivery);
  useKeys(found && withKey ? [{ keys: 'a', label: found[0], run }] : [], 'Delivery');
  if (!found) return kind === 'small' ? '–' : null;
  const name = `${found[0]}: delivery ${delivery.id}`;
  return html`<${Button} kind=${kind} scope="webhooks" aria-label=${kind === 'small' ? name : null} onClick=${run}>${found[0]}<//>`;
}
