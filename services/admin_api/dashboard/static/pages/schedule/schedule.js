// One schedule: its meaning, its next due times, its outcomes, its share of the budget, its ledger.
import { html } from '../../core/html.js';
import { duration, number, plural } from '../../core/format.js';
import { usePoll } from '../../core/poll.js';
import { ROOT, hrefOf } from '../../core/router.js';
import { GroupLink, SubredditLink } from '../../parts/links.js';
import { Facts, Page, Section } from '../../parts/page.js';
import { Raw } from '../../parts/raw.js';
import { Loaded } from '../../parts/states.js';
import { Tabs, useTab } from '../../parts/tabs.js';
import { Time } from '../../parts/time.js';
import { ScheduleActions } from './actions.js';
import { Demand } from './demand.js';
import { Ledger } from './ledger.js';
import { Steps } from './steps.js';
import { DueTimes } from '../schedules/due_times.js';
import { OutcomeStrip } from '../schedules/outcomes.js';
import { ScheduleState } from '../schedules/state.js';
import { ZoneTime } from '../schedules/zone_time.js';

const VIEWS = [{ id: 'timetable', label: 'Timetable' }, { id: 'ledger', label: 'Ledger' }];

export function Schedule({ params }) {
  const path = `/api/admin/scheduled-jobs/${encodeURIComponent(params.id)}/overview`;
  const poll = usePoll(path, { interval: 15 });
  const view = useTab('view', 'timetable');
  const schedule = poll.data;
  const lead = schedule && html`<${ScheduleState} schedule=${schedule} />`;
  const title = schedule ? schedule.name : `Schedule ${params.id}`;
  return html`<${Page} title=${title} lead=${lead} actions=${schedule && html`<${ScheduleActions} schedule=${schedule} />`}>
    <${Loaded} poll=${poll} what="schedule" rows=${10}>
      ${(data) => html`<div class="stack">
        <${Section} title=${data.words ?? 'The expression is invalid'}><${Facts} items=${factsOf(data)} /><//>
        <${Tabs} items=${VIEWS} label="Views of the schedule" />
        ${view === 'ledger' ? html`<${Ledger} schedule=${data} />` : html`<${Timetable} schedule=${data} />`}
        <${Raw} data=${data} path=${path} />
      </div>`}
    <//>
  <//>`;
}

function factsOf(data) {
  const { record } = data;
  const isGroup = data.step_count !== null;
  return [
    ['Next due', html`<${ZoneTime} at=${data.enabled ? data.next_run_at : null} zone=${data.timezone} none="never, because it is disabled" />`],
    ['Last fired', data.last_run_at ? html`<${Time} at=${data.last_run_at} />` : 'never'],
    ['Crawls', isGroup ? plural(data.step_count, 'step') + ' as a group' : html`<${SubredditLink} name=${data.subreddit} />`],
    data.open_group_id !== null && ['Unfinished group', html`<${GroupLink} id=${data.open_group_id} />`],
    ['Expression', html`<code>${data.cron_expression}</code> in ${data.timezone}`],
    ['Misfires, last 7 days', `${number(record.misfires)}${record.misfires_at_least ? '+' : ''}`],
    ['Requests a day', `${number(record.requests_per_day)} (estimate)`],
    ['Requests a run', record.requests_per_run === null ? 'not measured yet' : number(record.requests_per_run)],
    ['Priority', data.priority],
    ['Retries', data.max_retries ?? "the server's setting"],
    ['After an outage', afterOutage(data)],
    data.spread_seconds > 0 && ['Spread', `each run is up to ${duration(data.spread_seconds)} later`],
    ['Created', html`<${Time} at=${data.created_at} />`],
    ['Changed', html`<${Time} at=${data.updated_at} /> <span class="quiet">version ${data.version}</span> <a href=${hrefOf(`${ROOT}/audit`, { resource_type: 'scheduled_job', resource_id: data.id })}>Audit log</a>`],
    data.description && ['Description', data.description],
  ];
}

function afterOutage({ misfire_policy: policy, misfire_deadline_seconds: limit }) {
  if (limit !== null) return `the latest due time fires if it is at most ${duration(limit)} late`;
  return policy === 'skip' ? 'the latest due time fires if it is at most 5m late' : 'the latest due time fires, at any delay';
}

const Timetable = ({ schedule }) => html`<div class="stack">
  <${Section} title=${schedule.record.outcomes.length > 0 ? `Last ${plural(schedule.record.outcomes.length, 'outcome')}` : 'Outcomes'}>
    ${schedule.record.outcomes.length === 0
      ? html`<p class="quiet">No due time has passed yet.</p>`
      : html`<${OutcomeStrip} outcomes=${schedule.record.outcomes} />`}
  <//>
  <${Demand} schedule=${schedule} />
  ${schedule.steps && html`<${Steps} schedule=${schedule} />`}
  <${Section} title=${`Next ${plural(schedule.upcoming.length, 'due time')}`}>
    ${!schedule.enabled && html`<p class="note tone-warn">The schedule is disabled. It would fire at these times.</p>`}
    ${schedule.upcoming.length === 0
      ? html`<p class="quiet">The expression names no future time.</p>`
      : html`<${DueTimes} times=${schedule.upcoming} zone=${schedule.timezone} />`}
  <//>
</div>`;
