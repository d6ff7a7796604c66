// Why the job runs or waits: the conditions of a claim, the position, and the remedies.
import { html } from '../../core/html.js';
import { number, words } from '../../core/format.js';
import { Facts, Section } from '../../parts/page.js';
import { Remedy } from '../../parts/remedy.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';

const NAMES = {
  queued: 'State',
  visible: 'Start time',
  queue_not_paused: 'The whole queue',
  subreddit_not_paused: 'The subreddit',
  reddit_available: 'Reddit',
  worker_alive: 'Live workers',
};
const WAITING = new Set(['waiting', 'queued']);

function Condition({ condition, job }) {
  return html`<li class="condition">
    <${Status} kind="check" value=${condition.met ? 'ok' : 'warning'} label=${condition.met ? 'met' : 'not met'} />
    <div>
      <p class="condition-title">${NAMES[condition.name] ?? words(condition.name)}: <${Value} condition=${condition} /></p>
      <p class="quiet">
        ${condition.detail}${condition.until && html` It is met <${Time} at=${condition.until} />.`}
      </p>
      ${!condition.met && html`<${Remedy} remedy=${condition.remedy} version=${versionOf(condition.remedy, job)} />`}
    </div>
  </li>`;
}

const Value = ({ condition }) =>
  condition.name === 'visible' && condition.value.includes('T')
    ? html`<${Time} at=${condition.value} />`
    : html`<span>${condition.value}</span>`;

/** Return the version for If-Match if the remedy changes this job, else undefined. */
const versionOf = (remedy, job) => (remedy?.path?.startsWith(`/api/admin/jobs/${job.id}/`) ? job.version : undefined);

export function Explanation({ job }) {
  const { explanation } = job;
  if (!WAITING.has(job.status)) {
    return html`<p class="note tone-neutral">${explanation.summary}</p>`;
  }
  const position = explanation.position && `${number(explanation.position)}${explanation.position_at_least ? '+' : ''} in the order of claims`;
  return html`<${Section} title="Why is it not running?">
    <p class="summary">${explanation.summary}</p>
    <${Facts} items=${[
      position && ['Position', position],
      explanation.waits_for && ['Waits for', words(explanation.waits_for)],
      explanation.until && ['Until', html`<${Time} at=${explanation.until} />`],
      ['Estimated start', explanation.estimated_start ? html`<${Time} at=${explanation.estimated_start} />` : 'not known yet'],
    ]} />
    <ul class="conditions">
      ${explanation.conditions.map((one) => html`<${Condition} key=${one.name} condition=${one} job=${job} />`)}
    </ul>
  <//>`;
}
