// The requests a day that all enabled schedules promise, against the budget of Reddit, and the share of this one.
import { html } from '../../core/html.js';
import { number } from '../../core/format.js';
import { ROOT } from '../../core/router.js';
import { Strip } from '../../parts/chart.js';
import { Section } from '../../parts/page.js';

export function Demand({ schedule }) {
  const { estimated_requests_per_day: promised, daily_request_budget: budget } = schedule.demand;
  const own = schedule.enabled ? Math.min(schedule.record.requests_per_day, promised) : 0;
  const isOver = promised > budget;
  const parts = [
    { label: 'this schedule', value: own, tone: 'accent' },
    { label: 'other schedules', value: promised - own, tone: isOver ? 'bad' : 'muted' },
  ];
  return html`<${Section} title="Promised requests a day" actions=${html`<a href=${`${ROOT}/budget`}>Budget</a>`}>
    <p>All enabled schedules need about ${number(promised)} of the ${number(budget)} requests that Reddit allows a day.</p>
    ${isOver && html`<p class="note tone-bad">The schedules promise more than the budget. Crawls wait, and due times are merged or missed.</p>`}
    <${Strip} label="Promised requests a day" parts=${parts} total=${Math.max(budget, promised)} unit="requests" />
    ${!schedule.enabled && html`<p class="quiet">This schedule is disabled. Enabled, it would need about ${number(schedule.record.requests_per_day)} more.</p>`}
  <//>`;
}
