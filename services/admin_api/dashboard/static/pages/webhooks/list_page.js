// The list of webhooks: the state of each one, its success and its latency of the last 24 hours.
import { html } from '../../core/html.js';
import { useCommands } from '../../core/commands.js';
import { clip, words } from '../../core/format.js';
import { usePoll } from '../../core/poll.js';
import { useCan } from '../../core/session.js';
import { Button } from '../../parts/button.js';
import { Sparkline } from '../../parts/chart.js';
import { useList } from '../../parts/list.js';
import { Page } from '../../parts/page.js';
import { Status } from '../../parts/status.js';
import { Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { endedText, latencyText, shareText } from './health.js';
import { openWebhookForm } from './form.js';

const LIST = '/api/admin/webhooks';
const time = (at) => (at ? html`<${Time} at=${at} kind="relative" />` : 'never');

/** Return the columns. `healthOf` finds the health of a row; undefined before the first answer. */
const columnsOf = (healthOf) => [
  { id: 'url', title: 'Receiver', always: true, wide: true, cell: (row) => clip(row.url, 100) },
  { id: 'state', title: 'State', cell: (row) => html`<${Status} kind="webhook" value=${row.state} note=${row.disabled_reason && words(row.disabled_reason)} />` },
  { id: 'success', title: 'Delivered in 24 h', cell: (row) => html`<${Success} health=${healthOf(row)} />` },
  { id: 'p95', title: '95% within', numeric: true, cell: (row) => latencyText(healthOf(row)?.duration_ms_p95) },
  { id: 'p50', title: 'Half within', numeric: true, optional: true, cell: (row) => latencyText(healthOf(row)?.duration_ms_p50) },
  { id: 'success_at', title: 'Last success', cell: (row) => time(row.last_success_at) },
  { id: 'failure_at', title: 'Last failure', cell: (row) => time(row.last_failure_at) },
  { id: 'events', title: 'Events', cell: (row) => clip(row.events.join(', '), 120) },
  { id: 'description', title: 'Description', optional: true, cell: (row) => clip(row.description ?? '–', 120) },
  { id: 'created', title: 'Created', optional: true, cell: (row) => html`<span><${Time} at=${row.created_at} /> by ${row.created_by}</span>` },
];

function Success({ health }) {
  if (!health) return '–';
  return html`<div><strong>${shareText(health)}</strong> <span class="quiet">${endedText(health)}</span>
    ${health.delivered > 0 && html` <${Sparkline} tone="good" label="Deliveries that succeeded in each of 24 hours" values=${health.by_hour.map((hour) => hour.delivered)} />`}</div>`;
}

export function WebhookList() {
  const list = useList(LIST, { interval: 15 });
  const health = usePoll(`${LIST}/health`, { interval: 15, background: true });
  const mayChange = useCan('webhooks');
  const create = () => openWebhookForm();
  useCommands([mayChange && { label: 'New webhook', run: create }]);
  const byId = new Map((health.data?.endpoints ?? []).map((one) => [one.endpoint_id, one]));
  return html`<${Page} title="Webhooks" lead="Each event is sent to the receivers that want it, until a receiver accepts it or its attempts are used up."
    actions=${html`<${Button} kind="primary" scope="webhooks" onClick=${create}>New webhook<//>`}>
    <${Table} name="webhooks" what="webhook" caption="Webhooks" list=${list} columns=${columnsOf((row) => byId.get(row.id))}
      open=${(row) => `/ui/webhooks/${row.id}`}
      empty=${{ title: 'No webhooks yet', text: 'A webhook is a POST request to your receiver for each event, such as the end of a job or of a group.', action: { label: 'New webhook', scope: 'webhooks', run: create } }} />
  <//>`;
}
