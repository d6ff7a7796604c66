// Reddit's request budget: each client id, its window, who spends it, and when the queue is empty.
import { html } from '../core/html.js';
import { number, percent, plural, words } from '../core/format.js';
import { usePoll } from '../core/poll.js';
import { Strip } from '../parts/chart.js';
import { Card, Cards, Page, Section } from '../parts/page.js';
import { Loaded } from '../parts/states.js';
import { Time } from '../parts/time.js';
import { BudgetCharts } from './budget/charts.js';
import { ClientBudget } from './budget/client.js';

const TONES = { user: 'accent', schedule: 'good', discovery: 'warn', stale: 'muted' };

export default function Budget() {
  const poll = usePoll('/api/admin/budget', { interval: 15 });
  return html`<${Page} title="Budget" lead="Reddit allows a client id 100 requests a minute, counted over ten minutes. All workers together use at most 97% of them.">
    <${Loaded} poll=${poll} rows=${8}
      empty=${(data) => data.clients.length === 0 && { title: 'No worker has sent a request yet', text: 'The first request of a worker creates the budget of its client id.' }}>
      ${(data) => html`<div class="stack">
        <${Forecast} data=${data} />
        ${data.clients.map((client) => html`<${ClientBudget} key=${client.client_id} client=${client} />`)}
        <${Spending} spending=${data.spending} />
      </div>`}
    <//>
    <${BudgetCharts} />
  <//>`;
}

function Forecast({ data }) {
  const { demand, schedules, waiting_jobs: waiting } = data;
  const share = schedules.daily_request_budget > 0 ? schedules.estimated_requests_per_day / schedules.daily_request_budget : null;
  const plus = (isAtLeast) => (isAtLeast ? '+' : '');
  return html`<${Cards}>
    <${Card} title="The live jobs want" value=${`${number(demand.wanted_requests)}${plus(demand.at_least)}`}
      note=${`requests: ${number(demand.live_jobs)}${plus(demand.at_least)} jobs, about ${number(demand.requests_per_crawl)} each`} />
    <${Card} title="Empty" value=${demand.empty_at ? html`<${Time} at=${demand.empty_at} kind="relative" />` : 'unknown'}
      note=${demand.empty_at ? html`at the full budget: <${Time} at=${demand.empty_at} kind="absolute" />` : 'no client id is in use, or the queue is paused'} />
    <${Card} title="Promised by schedules" value=${percent(share)} tone=${share > 1 ? 'bad' : 'neutral'} href="/ui/schedules"
      note=${`${number(schedules.estimated_requests_per_day)} of ${number(schedules.daily_request_budget)} requests a day`} />
    <${Card} title="Wait for budget" value=${`${number(waiting.rate_limit)}${plus(waiting.at_least)}`} note="jobs" href="/ui/jobs?status=waiting" />
    <${Card} title="Wait for Reddit's return" value=${`${number(waiting.outage)}${plus(waiting.at_least)}`} note="jobs" href="/ui/jobs?status=waiting" />
    <${Card} title="Live workers" value=${number(data.workers_alive)} href="/ui/workers" tone=${data.workers_alive === 0 ? 'bad' : 'neutral'} />
  <//>`;
}

function Spending({ spending }) {
  const jobs = spending.reduce((sum, row) => sum + row.jobs, 0);
  return html`<${Section} title="Spent by source, in the last hour">
    ${spending.length === 0
      ? html`<p class="quiet">No job has finished within the last hour.</p>`
      : html`<${Strip} label="Requests by source" unit="requests"
            parts=${spending.map(({ source, requests }) => ({ label: words(source), value: requests, tone: TONES[source] ?? 'neutral' }))} />
          <p class="quiet">The requests of the newest ${plural(jobs, 'finished job')}.</p>`}
  <//>`;
}
