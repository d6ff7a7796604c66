// The steps of a group as a list: why each waits or ended, and the decision about held ones.
import { html } from '../../core/html.js';
import { Button } from '../../parts/button.js';
import { Filters, useFilters } from '../../parts/filters.js';
import { JobLink, SubredditLink } from '../../parts/links.js';
import { useList } from '../../parts/list.js';
import { rehearse } from '../../parts/rehearsal.js';
import { Status } from '../../parts/status.js';
import { Table } from '../../parts/table.js';
import { Time } from '../../parts/time.js';
import { plural, words } from '../../core/format.js';
import { matchOf } from './actions.js';
import { openWhy } from './why.js';

const STATES = ['pending', 'enqueued', 'held', 'succeeded', 'failed', 'cancelled', 'skipped'];
const FILTERS = [
  { name: 'state', label: 'State', kind: 'choices', main: true, options: STATES },
  { name: 'subreddit', label: 'Subreddit', kind: 'text', main: true, max: 25 },
];
const SHOWN = 3; // upstreams of a row
const DECISIONS = {
  proceed: { label: 'Proceed', effect: 'The step waits no longer for the upstream that did not succeed, and starts.' },
  skip: { label: 'Skip', danger: true, effect: 'The step never runs. Steps that wait for it follow their own policy.' },
};

export function decide(group, step, verb) {
  const { label, danger, effect } = DECISIONS[verb];
  return rehearse({
    title: `${label}: step ${step.key}`,
    verb: label,
    scope: 'jobs',
    danger,
    method: 'POST',
    path: `/api/admin/groups/${group.id}/steps/${encodeURIComponent(step.key)}/${verb}`,
    body: {},
    dryRun: true,
    ifMatch: matchOf(group),
    effect,
    count: () => 1,
    summary: (data) => `The step would be ${words(data.state)}.`,
    crawlctl: ['groups', verb, String(group.id), step.key],
    done: (data) => `Step ${step.key} is ${words(data.state)}`,
  });
}

const nameOf = (wait) =>
  wait.all ? 'all other steps' : wait.key ?? (wait.job_id ? `job ${wait.job_id}` : `group ${wait.group_id}`);

function Waits({ step }) {
  const { waits, waiting_for: open } = step;
  if (waits.length === 0) return html`<span class="quiet">–</span>`;
  const shown = waits.slice(0, SHOWN).map((wait) => `${nameOf(wait)}${wait.state ? ` (${words(wait.state)})` : ''}`);
  const rest = waits.length - shown.length;
  return html`<span>${shown.join(', ')}${rest > 0 && ` and ${rest}${waits.length === 20 ? '+' : ''} more`}
    ${open > 0 && rest > 0 && html`<span class="quiet">, ${plural(open, 'upstream')} open</span>`}</span>`;
}

const Decision = ({ group, step }) => html`<span class="row-actions">
  ${step.state === 'held' && html`
    <${Button} kind="small" scope="jobs" onClick=${() => decide(group, step, 'proceed')} aria-label=${`Proceed with ${step.key}`}>Proceed<//>
    <${Button} kind="small" scope="jobs" onClick=${() => decide(group, step, 'skip')} aria-label=${`Skip ${step.key}`}>Skip<//>`}
  <${Button} kind="small quiet" onClick=${() => openWhy(group, step)} aria-label=${`Why is ${step.key} ${words(step.state)}?`}>Why?<//>
</span>`;

const columnsOf = (group) => [
  { id: 'key', title: 'Step', always: true, cell: (step) => step.key },
  { id: 'subreddit', title: 'Subreddit', cell: (step) => html`<${SubredditLink} name=${step.subreddit} />` },
  { id: 'state', title: 'State', always: true, cell: (step) => html`<${Status} kind="step" value=${step.state} />` },
  { id: 'reason', title: 'Reason', wide: true, cell: (step) => step.reason ?? '–' },
  { id: 'after', title: 'After', cell: (step) => html`<${Waits} step=${step} />` },
  { id: 'job', title: 'Job', cell: (step) => (step.job_id ? html`<${JobLink} id=${step.job_id} />` : '–') },
  { id: 'changed', title: 'Changed', cell: (step) => html`<${Time} at=${step.changed_at} kind="relative" />` },
  { id: 'priority', title: 'Priority', optional: true, numeric: true, cell: (step) => step.priority },
  { id: 'policy', title: 'If an upstream fails', optional: true, cell: (step) => words(step.on_upstream_failure) },
  { id: 'outcome', title: 'Needs', optional: true, cell: (step) => words(step.require_outcome) },
  { id: 'actions', title: 'Actions', always: true, cell: (step) => html`<${Decision} group=${group} step=${step} />` },
];

export function Steps({ group }) {
  const filters = useFilters(FILTERS);
  const list = useList(`/api/admin/groups/${group.id}/steps`, { query: filters.query, interval: 5 });
  return html`
    <${Filters} of=${filters} />
    <${Table}
      name="steps"
      what="step"
      caption="Steps"
      list=${list}
      columns=${columnsOf(group)}
      filters=${filters}
      extraKeys=${[{ keys: 'w', label: 'Why has the step its state?', run: (step) => openWhy(group, step) }]}
      empty=${{ title: 'No steps yet', text: group.sealed_at ? 'The group was sealed without steps.' : 'Add steps by "More", "Add steps".' }}
    />
  `;
}
