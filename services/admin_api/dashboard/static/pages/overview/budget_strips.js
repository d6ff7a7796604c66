// The window of ten minutes of each Reddit client id: used, by others, left.
import { html } from '../../core/html.js';
import { number, words } from '../../core/format.js';
import { ROOT } from '../../core/router.js';
import { Section } from '../../parts/page.js';
import { Status } from '../../parts/status.js';
import { Strip } from '../../parts/chart.js';
import { Time } from '../../parts/time.js';

const BY_STATE = { paused: 'bad', probe_due: 'warn' };

function ClientStrip({ client }) {
  const own = Math.max(0, client.reserved - client.others);
  const parts = [
    { label: 'used by these workers', value: own, tone: 'accent' },
    { label: 'used by others', value: client.others, tone: 'warn' },
  ];
  return html`<div class="client-budget">
    <p>
      <strong>${client.client_id}</strong> <${Status} kind="budget" value=${client.state} note=${client.reason && words(client.reason)} />
      <span class="quiet"> ${number(client.remaining)} of ${number(client.usable)} requests are left. The window ends <${Time} at=${client.window_ends_at} kind="relative" />.</span>
    </p>
    ${client.remedy && html`<p class=${`tone-${BY_STATE[client.state] ?? 'neutral'}`}>${client.remedy}</p>`}
    <${Strip} label="Requests of the window" parts=${parts} total=${client.usable} unit="requests" />
  </div>`;
}

export function BudgetStrips({ budget }) {
  const clients = budget.clients.filter((client) => client.in_use);
  const waiting = budget.waiting_jobs.rate_limit + budget.waiting_jobs.outage;
  const more = html`<a href=${`${ROOT}/budget`}>Budget</a>`;
  return html`<${Section} title="Reddit's limit, this window" actions=${more}>
    ${clients.length === 0
      ? html`<p class="quiet">No worker has used a client id within the last day.</p>`
      : clients.map((client) => html`<${ClientStrip} key=${client.client_id} client=${client} />`)}
    ${waiting > 0 &&
    html`<p class="quiet">${number(waiting)}${budget.waiting_jobs.at_least ? '+' : ''} jobs wait for Reddit; no attempt is charged.</p>`}
  <//>`;
}
