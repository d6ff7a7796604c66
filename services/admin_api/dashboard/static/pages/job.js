// One job: its state, why it waits, its progress, its attempts, and the changes by operators.
import { html } from '../core/html.js';
import { duration, title, words } from '../core/format.js';
import { usePoll } from '../core/poll.js';
import { AuditRows } from '../parts/audit_rows.js';
import { GroupLink, JobLink, ScheduleLink, SubredditLink } from '../parts/links.js';
import { Facts, Page, Section } from '../parts/page.js';
import { Raw } from '../parts/raw.js';
import { Loaded } from '../parts/states.js';
import { Status } from '../parts/status.js';
import { Running, Time } from '../parts/time.js';
import { JobActions } from './job/actions.js';
import { Attempts } from './job/attempts.js';
import { Explanation } from './job/explanation.js';
import { CrawlProgress } from './job/progress.js';

export default function Job({ params }) {
  const path = `/api/admin/jobs/${encodeURIComponent(params.id)}/overview`;
  const poll = usePoll(path, { interval: 5 });
  const job = poll.data;
  const lead = job && html`<${Status} value=${job.status} note=${job.wait_reason && words(job.wait_reason)} /> of <${SubredditLink} name=${job.subreddit} />`;
  return html`<${Page} title=${`Job ${params.id}`} lead=${lead} actions=${job && html`<${JobActions} job=${job} />`}>
    <${Loaded} poll=${poll} what="job" rows=${10}>
      ${(data) => html`<div class="stack">
        ${data.error_message && html`<${ErrorNote} job=${data} />`}
        <${Explanation} job=${data} />
        <${CrawlProgress} job=${data} />
        <${Section} title="Facts"><${Facts} items=${factsOf(data)} /><//>
        <${Attempts} job=${data} />
        <${Steps} steps=${data.steps} total=${data.steps_total} />
        <${Section} title="Changes by operators"><${AuditRows} rows=${data.audit_log} /><//>
        <${Raw} data=${data} path=${path} />
      </div>`}
    <//>
  <//>`;
}

const ErrorNote = ({ job }) => html`<div class="problem">
  <p class="problem-title">${title(job.error_kind)} error</p>
  <p>${job.error_message}</p>
</div>`;

function factsOf(job) {
  const aged = job.priority !== job.base_priority && ` (requested: ${job.base_priority})`;
  return [
    ['Priority', html`${job.priority}${aged}`],
    ['Source', html`${words(job.source)}${job.scheduled_job_id && html`, <${ScheduleLink} id=${job.scheduled_job_id} />`}`],
    ['Created', html`<${Time} at=${job.created_at} />`],
    job.visible_at && job.status === 'waiting' && ['Not before', html`<${Time} at=${job.visible_at} />`],
    job.finished_at && ['Finished', html`<${Time} at=${job.finished_at} />`],
    job.outcome && ['Outcome', words(job.outcome)],
    ['Retries', `${job.retry_count} of ${job.max_retries} used${job.retries > job.retry_count ? `, ${job.retries} in all` : ''}`],
    job.duration_seconds !== null && ['Held by workers', duration(job.duration_seconds)],
    job.claimed_by && ['Worker', job.claimed_by],
    job.claimed_at && ['Running for', html`<${Running} since=${job.claimed_at} />`],
    job.lease_expires_at && ['Lease ends', html`<${Time} at=${job.lease_expires_at} />`],
    job.progress_at && ['Last stored page', html`<${Time} at=${job.progress_at} />`],
    job.follow_up_job_id && ['Followed by', html`<${JobLink} id=${job.follow_up_job_id} />`],
    job.follow_up_of && ['Follows', html`<${JobLink} id=${job.follow_up_of} />`],
    job.rerun_requested && ['After this crawl', 'The subreddit is crawled again.'],
    job.trace_id && ['Trace id', html`<code>${job.trace_id}</code>`],
  ];
}

const RELATIONS = {
  follows: 'this job is its crawl',
  waits: 'waits for this job',
  later: 'waits for a step of this job',
};

function Steps({ steps, total }) {
  if (steps.length === 0) return null;
  return html`<${Section} title="Steps of groups">
    <ul>
      ${steps.map(
        (step) => html`<li key=${`${step.group_id} ${step.key}`}>
          <${GroupLink} id=${step.group_id} />, step ${step.key} (r/${step.subreddit}):
          ${' '}<${Status} kind="step" value=${step.state} note=${RELATIONS[step.relation] ?? words(step.relation)} />
        </li>`,
      )}
    </ul>
    ${total > steps.length && html`<p class="quiet">The first ${steps.length} of ${total} steps.</p>`}
  <//>`;
}
