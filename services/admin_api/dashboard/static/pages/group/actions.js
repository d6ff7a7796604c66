// The changes of one group. Each has a dry run, except the copy and the deletion.
import { html } from '../../core/html.js';
import { number, plural, title, words } from '../../core/format.js';
import { useKeys } from '../../core/keys.js';
import { navigate } from '../../core/router.js';
import { Button } from '../../parts/button.js';
import { Menu } from '../../parts/menu.js';
import { rehearse } from '../../parts/rehearsal.js';
import { openAddSteps } from '../groups/new_group.js';
import { nameOf } from '../groups/progress.js';

const pathOf = (group) => `/api/admin/groups/${group.id}`;

/**
 * Return the version for If-Match while it changes by operators alone. The version also changes when a
 * step ends, so that a change of a group with running crawls would be refused again and again.
 */
export const matchOf = (group) => (group.counts.enqueued === 0 ? `"${group.version}"` : null);

const POINTS = [{ name: 'boost', label: 'Points to add', kind: 'number', min: 1, max: 100, value: 10, required: true, option: '--by' }];

/** A change of many steps. It is an operation of workers when it concerns more than 1,000 steps. */
const ofMany = {
  count: (data) => data.steps,
  summary: (data) => data.detail || `${plural(data.steps, 'step')}: ${countsText(data.counts)}.${data.steps > data.items.length ? ' These are the first ones; workers make the change in chunks.' : ''}`,
  done: (label) => (data) => (data.kind ? `${label}: workers make the change in chunks` : `${label}: ${plural(data.steps, 'step')}`),
};
const countsText = (counts) =>
  Object.entries(counts).map(([result, count]) => `${number(count)} ${words(result)}`).join(', ') || 'no change';

/** A change of the group itself: it has one item. `changes` returns whether the dry run differs. */
const ofOne = (sentence, changes) => ({
  count: (data) => (changes(data) ? 1 : 0),
  summary: (data) => (changes(data) ? sentence(data) : 'Nothing would change.'),
  done: (label) => () => `${label}: done`,
});

function changesOf(group) {
  const isOpen = group.finished_at === null;
  const { counts } = group;
  const open = counts.pending + counts.enqueued + counts.held;
  const after = (field) => (data) => (data[field] === null) !== (group[field] === null);
  return [
    counts.failed > 0 && { label: 'Retry failed', path: 'retry-failed', ...ofMany, effect: 'The jobs of the failed steps are retried. Steps that were skipped or held for them wait again.' },
    isOpen && group.paused_at === null && {
      label: 'Pause', path: 'pause', effect: 'No waiting step starts. Crawls that are queued or running continue.',
      ...ofOne((data) => `${plural(data.counts.pending, 'waiting step')} would not start until the group is resumed.`, after('paused_at')),
    },
    isOpen && group.paused_at !== null && {
      label: 'Resume', path: 'resume', effect: 'Waiting steps start again.',
      ...ofOne((data) => `${plural(data.counts.pending, 'waiting step')} could start again.`, after('paused_at')),
    },
    group.sealed_at === null && {
      label: 'Seal', path: 'seal', effect: 'The group accepts no further steps. It finishes when its last step ends.',
      ...ofOne((data) => (data.finished_at ? 'The group would finish now.' : 'The group would accept no further steps.'), after('sealed_at')),
    },
    isOpen && open > 0 && { label: 'Boost', path: 'boost', fields: POINTS, ...ofMany, effect: 'Live jobs and waiting steps get a higher priority, up to 100.' },
    isOpen && { label: 'Cancel', path: 'cancel', danger: true, ...ofMany, effect: 'Waiting and held steps end, and the live jobs that only this group requested. Jobs that other requests share stay. The group is sealed.' },
  ].filter(Boolean);
}

function change(group, { label, path, count, summary, done, ...more }) {
  return rehearse({
    title: `${label}: ${nameOf(group)}`,
    verb: label,
    scope: 'jobs',
    method: 'POST',
    path: `${pathOf(group)}/${path}`,
    body: {},
    dryRun: true,
    ifMatch: matchOf(group),
    crawlctl: ['groups', path, String(group.id)],
    count,
    summary,
    done: done(label),
    ...more,
  });
}

async function copy(group) {
  const answer = await rehearse({
    title: `Copy: ${nameOf(group)}`,
    verb: 'Copy',
    scope: 'jobs',
    method: 'POST',
    path: `${pathOf(group)}/clone`,
    body: {},
    fields: [{ name: 'name', label: 'Name of the copy', max: 200, value: group.name ?? '', option: '--name' }],
    effect: `A new group with the same ${plural(group.steps, 'step')}, all of them waiting. Waits for deleted jobs and groups are left out.`,
    crawlctl: ['groups', 'clone', String(group.id)],
    done: (data) => `Created group ${data.id}`,
  });
  if (answer) navigate(`/ui/groups/${answer.data.id}`);
}

async function remove(group) {
  const answer = await rehearse({
    title: `Delete: ${nameOf(group)}`,
    verb: 'Delete',
    scope: 'jobs',
    danger: true,
    method: 'DELETE',
    path: pathOf(group),
    ifMatch: `"${group.version}"`,
    effect: `The group and its ${plural(group.steps, 'step')} are deleted. The jobs and the crawled content stay.`,
    crawlctl: ['groups', 'delete', String(group.id)],
    done: () => `${title(nameOf(group))} is deleted`,
  });
  if (answer) navigate('/ui/groups');
}

export function GroupActions({ group }) {
  const changes = changesOf(group);
  const [first, ...others] = changes;
  const run = (one) => () => change(group, one);
  const isFinished = group.finished_at !== null;
  const items = [
    ...others.map((one) => ({ label: one.label, scope: 'jobs', danger: one.danger, run: run(one) })),
    { label: 'Add steps', scope: 'jobs', reason: group.sealed_at && 'The group is sealed.', run: () => openAddSteps(group) },
    { label: 'Copy', scope: 'jobs', run: () => copy(group) },
    { label: 'Delete', scope: 'jobs', danger: true, reason: !isFinished && 'Only a finished group is deleted: cancel it first.', run: () => remove(group) },
  ];
  useKeys(first ? [{ keys: 'a', label: first.label, run: run(first) }] : [], 'Group');
  return html`
    ${first && html`<${Button} kind="primary" scope="jobs" onClick=${run(first)}>${first.label}<//>`}
    <${Menu} label="More" items=${items} />
  `;
}
