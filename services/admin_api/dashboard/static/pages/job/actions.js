// The changes of one job. Each sends If-Match, so that it changes only the version on the page.
import { html } from '../../core/html.js';
import { useKeys } from '../../core/keys.js';
import { Button } from '../../parts/button.js';
import { Menu } from '../../parts/menu.js';
import { rehearse } from '../../parts/rehearsal.js';

const LIVE = new Set(['waiting', 'queued', 'crawling']);
const POINTS = [{ name: 'boost', label: 'Points to add', kind: 'number', min: 1, max: 100, value: 10, required: true, option: '--by' }];

/** Return the changes that the state of the job allows, the most likely one first. */
function changesOf(job) {
  const isLive = LIVE.has(job.status);
  const priority = [{ name: 'priority', label: 'Priority', kind: 'number', min: 0, max: 100, value: job.base_priority, required: true }];
  return [
    !isLive && { label: 'Retry', path: 'retry', crawlctl: 'retry', effect: 'The job is queued again, with all its retries.' },
    job.status === 'waiting' && { label: 'Wake', path: 'wake', crawlctl: 'wake', effect: 'The job is queued now, before the end of its wait.' },
    isLive && { label: 'Boost', path: 'boost', crawlctl: 'boost', body: {}, fields: POINTS, effect: 'The priority rises by these points, up to 100.' },
    isLive && { label: 'Set the priority', path: 'priority', method: 'PUT', body: {}, fields: priority, effect: 'Aging starts again from this priority.' },
    isLive && { label: 'Cancel', path: 'cancel', crawlctl: 'cancel', danger: true, effect: 'The job ends as cancelled. Stored pages stay.' },
    isLive && { label: 'Give up', path: 'give_up', crawlctl: 'give-up', danger: true, effect: 'The job ends as failed.' },
  ].filter(Boolean);
}

function change(job, { label, path, method = 'POST', body, fields, effect, danger, crawlctl }) {
  return rehearse({
    title: `${label}: job ${job.id}, r/${job.subreddit}`,
    verb: label,
    scope: 'jobs',
    danger,
    method,
    path: `/api/admin/jobs/${job.id}/${path}`,
    body,
    fields,
    effect,
    ifMatch: `"${job.version}"`,
    crawlctl: crawlctl && ['jobs', crawlctl, String(job.id)],
    done: () => `${label}: done`,
  });
}

const remove = (job) =>
  rehearse({
    title: `Delete job ${job.id}`,
    verb: 'Delete',
    scope: 'jobs',
    danger: true,
    method: 'DELETE',
    path: `/api/admin/jobs/${job.id}`,
    ifMatch: `"${job.version}"`,
    effect: 'The job and its attempts are deleted. The crawled content stays.',
    done: () => `Job ${job.id} is deleted`,
    leaveTo: '/ui/jobs',
  });

export function JobActions({ job }) {
  const changes = changesOf(job);
  const items = [
    ...changes.map((one) => ({ label: one.label, scope: 'jobs', danger: one.danger, run: () => change(job, one) })),
    { label: 'Delete', scope: 'jobs', danger: true, run: () => remove(job) },
  ];
  useKeys(
    changes.length > 0 ? [{ keys: 'a', label: changes[0].label, run: () => change(job, changes[0]) }] : [],
    'Job',
  );
  return html`
    ${changes.length > 0 && html`<${Button} kind="primary" scope="jobs" onClick=${() => change(job, changes[0])}>${changes[0].label}<//>`}
    <${Menu} label="More" items=${items.slice(changes.length > 0 ? 1 : 0)} />
  `;
}
