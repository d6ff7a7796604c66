// The changes of one webhook: settings, ping, secret, enable, disable, replay, delete.
import { html } from '../../core/html.js';
import { now } from '../../core/clock.js';
import { plural } from '../../core/format.js';
import { useKeys } from '../../core/keys.js';
import { navigate } from '../../core/router.js';
import { Button } from '../../parts/button.js';
import { Menu } from '../../parts/menu.js';
import { rehearse } from '../../parts/rehearsal.js';
import { openWebhookForm } from './form.js';
import { openSecret } from './secret.js';

const DAY = 86_400_000;

function change(webhook, { verb, path, method = 'POST', crawlctl, withVersion = true, ...more }) {
  return rehearse({
    title: `${verb}: webhook ${webhook.id}`,
    verb,
    scope: 'webhooks',
    method,
    path: `/api/admin/webhooks/${webhook.id}${path}`,
    ifMatch: withVersion ? `"${webhook.version}"` : null,
    crawlctl: crawlctl && ((body) => ['webhooks', ...crawlctl(String(webhook.id), body)]),
    done: () => `${verb}: done`,
    ...more,
  });
}

async function ping(webhook) {
  const answer = await change(webhook, {
    verb: 'Ping',
    path: '/ping',
    withVersion: false,
    crawlctl: (id) => ['test', id],
    effect: 'The scheduler sends an event of the type test.ping within a second, once. The next page shows the answer of the receiver.',
    done: () => 'The ping is on its way',
  });
  if (answer) navigate(`/ui/webhooks/deliveries/${answer.data.delivery_id}`);
}

async function rotate(webhook) {
  const hours = { name: 'previous_valid_hours', label: 'Hours in which the present secret still signs', kind: 'number', min: 0, max: 168, value: 24, required: true };
  const answer = await change(webhook, {
    verb: 'Rotate the secret',
    path: '/rotate-secret',
    body: {},
    fields: [{ ...hours, hint: 'Both secrets sign in this time, so that the receiver can change. 0: the present one ends at once.' }],
    crawlctl: (id, body) => ['rotate', id, '--previous-valid-hours', String(body.previous_valid_hours ?? 24)],
    effect: 'A new secret is made and shown once. A second rotation in these hours ends the oldest secret at once.',
    done: () => 'The secret is rotated',
  });
  if (answer) await openSecret(answer.data);
}

const enable = (webhook) =>
  change(webhook, {
    verb: 'Enable',
    path: '/enable',
    crawlctl: (id) => ['enable', id],
    effect: 'It gets events again. Held deliveries follow, 10 a second.',
    done: () => 'The webhook is enabled',
  });

const disable = (webhook) =>
  change(webhook, {
    verb: 'Disable',
    path: '/disable',
    danger: true,
    crawlctl: (id) => ['disable', id],
    effect: 'It gets no further events, and those of the meantime are not sent later. Pending deliveries are held until it is enabled.',
    done: () => 'The webhook is disabled',
  });

const remove = (webhook) =>
  change(webhook, {
    verb: 'Delete',
    path: '',
    method: 'DELETE',
    danger: true,
    crawlctl: (id) => ['delete', id],
    effect: 'The webhook and its secret are deleted. Its pending and held deliveries are dropped.',
    done: () => `Webhook ${webhook.id} is deleted`,
    leaveTo: '/ui/webhooks',
  });

const countText = ({ deliveries, more }) => `${more ? 'At least ' : ''}${plural(deliveries, 'delivery', 'deliveries')} would be sent again.`;

/** Replay many deliveries: the dry run counts them. */
export const replayMany = (webhook) =>
  change(webhook, {
    verb: 'Replay',
    path: '/replay',
    withVersion: false,
    body: {},
    dryRun: true,
    fields: [
      { name: 'since', label: 'Deliveries of events since', kind: 'time', required: true, value: new Date(now() - DAY).toISOString() },
      { name: 'only_failed', label: 'Only failed ones', kind: 'flag', value: true, hint: 'Otherwise also those that were delivered or dropped.' },
    ],
    count: (data) => data.deliveries,
    items: () => [],
    summary: countText,
    effect: 'The receiver gets the same events again, 10 a second, with the same webhook-id and body. Pending deliveries are left out.',
    crawlctl: (id, body) => ['replay', id, '--since', body.since ?? '', ...(body.only_failed ? [] : ['--all'])],
    done: (data) => data.operation_id === null
      ? `${plural(data.deliveries, 'delivery is', 'deliveries are')} sent again`
      : `Operation ${data.operation_id} sends ${plural(data.deliveries, 'delivery', 'deliveries')} again`,
  });

export const isDisabled = (webhook) => (webhook.state === 'disabled' ? 'Enable the webhook first.' : null);

export function WebhookActions({ webhook }) {
  const reason = isDisabled(webhook);
  const [label, run] = reason ? ['Enable', () => enable(webhook)] : ['Ping', () => ping(webhook)];
  useKeys([{ keys: 'a', label, run }], 'Webhook');
  const isOperator = webhook.disabled_reason === 'operator';
  return html`
    <${Button} kind="primary" scope="webhooks" onClick=${run}>${label}<//>
    <${Button} scope="webhooks" onClick=${() => openWebhookForm(webhook)}>Edit<//>
    <${Menu} label="More" items=${[
      reason && { label: 'Ping', scope: 'webhooks', reason, run: () => ping(webhook) },
      { label: 'Replay deliveries', scope: 'webhooks', reason, run: () => replayMany(webhook) },
      { label: 'Rotate the secret', scope: 'webhooks', run: () => rotate(webhook) },
      { label: 'Disable', scope: 'webhooks', danger: true, reason: isOperator ? 'An operator disabled it already.' : null, run: () => disable(webhook) },
      { label: 'Delete', scope: 'webhooks', danger: true, run: () => remove(webhook) },
    ]} />`;
}
