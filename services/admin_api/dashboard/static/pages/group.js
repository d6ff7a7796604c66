// One group: its progress, the causes that hold it up, its steps as list, graph or time line, and its changes.
import { html } from '../core/html.js';
import { number, plural, words } from '../core/format.js';
import { usePoll } from '../core/poll.js';
import { hrefOf } from '../core/router.js';
import { JobLink, ScheduleLink } from '../parts/links.js';
import { Facts, Page, Section } from '../parts/page.js';
import { Raw } from '../parts/raw.js';
import { Loaded } from '../parts/states.js';
import { Status } from '../parts/status.js';
import { Tabs, useTab } from '../parts/tabs.js';
import { Time } from '../parts/time.js';
import { GroupActions } from './group/actions.js';
import { Graph } from './group/graph.js';
import { Obstacles } from './group/obstacles.js';
import { Steps } from './group/steps.js';
import { Timeline } from './group/timeline.js';
import { OperationNote } from './groups/operations.js';
import { Eta, GroupStatus, Pace, StepBar, nameOf } from './groups/progress.js';

const VIEWS = [
  { id: 'list', label: 'List', view: Steps },
  { id: 'graph', label: 'Graph', view: Graph },
  { id: 'timeline', label: 'Time line', view: Timeline },
];

export default function Group({ params }) {
  const path = `/api/admin/groups/${encodeURIComponent(params.id)}/overview`;
  const poll = usePoll(path, { interval: 5 });
  const group = poll.data;
  const lead = group && html`<${GroupStatus} group=${group} /> ${plural(group.steps, 'step')}${group.name && `, group ${group.id}`}`;
  return html`<${Page} title=${group ? nameOf(group) : `Group ${params.id}`} lead=${lead} actions=${group && html`<${GroupActions} group=${group} />`}>
    <${Loaded} poll=${poll} what="group" rows=${10}>
      ${(data) => html`<div class="stack">
        <${OperationNote} operation=${data.operation} />
        <${GroupProgress} group=${data} />
        <${Obstacles} group=${data} />
        <${Views} group=${data} />
        <${Section} title="Facts" actions=${html`<a href=${hrefOf('/ui/audit', { resource_type: 'job_group', resource_id: data.id })}>Changes by operators</a>`}>
          <${Facts} items=${factsOf(data)} />
        <//>
        <${Raw} data=${data} path=${path} />
      </div>`}
    <//>
  <//>`;
}

function GroupProgress({ group }) {
  const { progress } = group;
  return html`<${Section} title="Progress">
    <${StepBar} counts=${group.counts} total=${group.steps} />
    <${Facts} items=${[
      ['Ended', `${number(progress.done)} of ${number(group.steps)}`],
      ['Without success', number(progress.failed)],
      ['Left', number(progress.left)],
      ['Steps by time', html`<${Pace} progress=${progress} />`],
      ['Expected end', group.finished_at ? html`finished <${Time} at=${group.finished_at} />` : html`<${Eta} group=${group} />`],
      ['Requests to Reddit', requestsOf(group.requests)],
    ]} />
  <//>`;
}

function requestsOf({ used, expected, is_estimate: isEstimate }) {
  const about = isEstimate ? 'about ' : '';
  return expected > used ? `${about}${number(used)} of about ${number(expected)}` : `${about}${number(used)}`;
}

function Views({ group }) {
  const chosen = useTab('view', VIEWS[0].id);
  const { id, label, view: View } = VIEWS.find((one) => one.id === chosen) ?? VIEWS[0];
  return html`<${Section} title="Steps" class="group-views">
    <${Tabs} name="view" items=${VIEWS} />
    <div key=${id} role="group" aria-label=${label}><${View} group=${group} /></div>
  <//>`;
}

function factsOf(group) {
  const failure = group.first_failure;
  return [
    ['Created', html`<${Time} at=${group.created_at} /> by ${group.created_by}`],
    group.scheduled_job_id && ['Schedule', html`<${ScheduleLink} id=${group.scheduled_job_id} />, due <${Time} at=${group.due_at} />`],
    ['First job', group.started_at ? html`<${Time} at=${group.started_at} />` : 'none yet'],
    ['Further steps', group.sealed_at ? html`refused since <${Time} at=${group.sealed_at} />` : 'accepted until the group is sealed'],
    group.paused_at && ['Paused', html`<${Time} at=${group.paused_at} />`],
    group.cancelled_at && ['Cancelled', html`<${Time} at=${group.cancelled_at} /> by ${group.cancelled_by}`],
    group.generation > 1 && ['Runs', `${number(group.generation)}: retries have opened the finished group again`],
    failure && ['First step without success', html`${failure.key} <${Status} kind="step" value=${failure.state} />
      ${failure.reason && html`<span class="quiet"> ${words(failure.reason)}</span>`} ${failure.job_id && html`<${JobLink} id=${failure.job_id} />`}`],
  ];
}
