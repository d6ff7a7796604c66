// The first page: what needs attention, the jobs now, the budget, running crawls, failures, charts.
import { html } from '../core/html.js';
import { usePoll } from '../core/poll.js';
import { Page } from '../parts/page.js';
import { Loaded } from '../parts/states.js';
import { Attention } from './overview/attention.js';
import { BudgetStrips } from './overview/budget_strips.js';
import { JobCards } from './overview/job_cards.js';
import { FirstSteps, NewestFailures, NextSchedules, RunningCrawls } from './overview/lists.js';
import { OverviewCharts } from './overview/charts.js';
import { PauseButton } from './overview/pause.js';
import { EnqueueButton } from './jobs/enqueue.js';

const INTERVAL_SECONDS = 5;

export default function Overview() {
  const overview = usePoll('/api/admin/overview', { interval: INTERVAL_SECONDS });
  const pause = overview.data?.pauses.everything;
  const actions = html`
    ${overview.data && html`<${PauseButton} pause=${pause} />`}
    <${EnqueueButton} />
  `;
  return html`<${Page} title="Overview" actions=${actions}>
    <${Loaded} poll=${overview} rows=${12}>
      ${(data) => html`<div class="stack">
        <${FirstSteps} data=${data} />
        <${Attention} conditions=${data.attention} />
        <${JobCards} jobs=${data.jobs} conditions=${data.attention} />
        <${BudgetStrips} budget=${data.budget} />
        <${RunningCrawls} running=${data.running} crawling=${data.jobs.by_status.crawling} />
        <div class="pair">
          <${NewestFailures} failures=${data.failures} />
          <${NextSchedules} schedules=${data.schedules} />
        </div>
      </div>`}
    <//>
    <${OverviewCharts} />
  <//>`;
}
