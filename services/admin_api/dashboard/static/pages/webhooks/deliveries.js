// The deliveries of one webhook: a list by state, with a replay or an attempt now of each one.
import { html } from '../../core/html.js';
import { words } from '../../core/format.js';
import { Button } from '../../parts/button.js';
import { Filters, useFilters } from '../../parts/filters.js';
import { useList } from '../../parts/list.js';
import { GroupLink, JobLink, SubredditLink } from '../../parts/links.js';
import { Section } from '../../parts/page.js';
import { Status } from '../../parts/status.js';
import { Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { DeliveryButton } from './delivery_actions.js';
import { isDisabled, replayMany } from './webhook_actions.js';

const FILTERS = [{ name: 'state', label: 'State', kind: 'choice', main: true, options: ['pending', 'held', 'delivered', 'failed', 'dropped'] }];

function About({ row }) {
  const links = [
    row.job_id && html`<${JobLink} id=${row.job_id} />`,
    row.group_id && html`<${GroupLink} id=${row.group_id} />`,
    row.subreddit && html`<${SubredditLink} name=${row.subreddit} />`,
  ].filter(Boolean);
  return links.length === 0 ? '–' : html`<span>${links.map((link, at) => html`${at > 0 && ', '}${link}`)}</span>`;
}

const COLUMNS = [
  { id: 'id', title: 'Delivery', always: true, cell: (row) => row.id },
  { id: 'type', title: 'Event', always: true, cell: (row) => html`<span>${row.type}${row.kind === 'replay' && html` <span class="quiet">replay</span>`}</span>` },
  { id: 'state', title: 'State', cell: (row) => html`<${Status} kind="delivery" value=${row.state} />` },
  { id: 'about', title: 'About', cell: (row) => html`<${About} row=${row} />` },
  { id: 'attempts', title: 'Attempts', numeric: true, cell: (row) => row.attempts },
  { id: 'created', title: 'Created', cell: (row) => html`<${Time} at=${row.created_at} />` },
  { id: 'next', title: 'Next attempt', cell: (row) => (row.next_attempt_at ? html`<${Time} at=${row.next_attempt_at} kind="relative" />` : '–') },
  { id: 'ended', title: 'Ended', optional: true, cell: (row) => (row.ended_at ? html`<${Time} at=${row.ended_at} kind="relative" />` : '–') },
  { id: 'kind', title: 'Kind', optional: true, cell: (row) => words(row.kind) },
  { id: 'event', title: 'webhook-id', optional: true, cell: (row) => html`<code>${row.event_id}</code>` },
  { id: 'send', title: 'Send again', optional: true, cell: (row) => html`<${DeliveryButton} delivery=${row} kind="small" />` },
];

export function Deliveries({ webhook }) {
  const filters = useFilters(FILTERS);
  const list = useList(`/api/admin/webhooks/${webhook.id}/deliveries`, { query: filters.query, interval: 15 });
  const replay = html`<${Button} scope="webhooks" reason=${isDisabled(webhook)} onClick=${() => replayMany(webhook)}>Replay deliveries<//>`;
  return html`<${Section} title="Deliveries" actions=${replay}>
    <${Filters} of=${filters} />
    <${Table} name="deliveries" what="delivery" whats="deliveries" caption="Deliveries" list=${list} columns=${COLUMNS} filters=${filters}
      open=${(row) => `/ui/webhooks/deliveries/${row.id}`}
      empty=${{ title: 'No delivery yet', text: 'The first event that this webhook wants appears here within a second. A ping sends a test event now.' }} />
  <//>`;
}
