// Changes of selected jobs, by ids or by the filters of the list, through the bulk endpoints.
import { plural } from '../../core/format.js';
import { rehearse } from '../../parts/rehearsal.js';

const PATH = '/api/admin/jobs/bulk';
const MOST = 1000; // jobs of one request
const NUMBERS = new Set(['schedule_id', 'group_id', 'priority_min', 'priority_max']);
const LISTS = new Set(['status', 'source']);

/** Return the filter of a bulk change from the query of the list, whose values are texts. */
export function filterOf(query) {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      if (NUMBERS.has(name)) return [name, Number(value)];
      if (name === 'incomplete') return [name, value === 'true'];
      return [name, LISTS.has(name) ? [value].flat() : value];
    }),
  );
}

function selectionOf(selection) {
  if (!selection.isAll) {
    return { body: { job_ids: selection.ids.slice(0, MOST) }, words: selection.ids.slice(0, MOST) };
  }
  const filter = filterOf(selection.query);
  const words = Object.entries(filter).flatMap(([name, value]) =>
    [value].flat().flatMap((each) => ['--filter', `${name}=${each}`]),
  );
  return { body: { filter }, words };
}

async function change(selection, { verb, noun, path, method = 'POST', danger = false, crawlctl, body = {}, effect, fields }) {
  const chosen = selectionOf(selection);
  const about = selection.isAll ? 'all jobs that match' : plural(selection.count, 'job');
  const answer = await rehearse({
    title: `${verb} ${about}`,
    verb,
    scope: 'jobs',
    danger,
    method,
    path: `${PATH}/${path}`,
    body: { ...chosen.body, ...body },
    dryRun: true,
    expectCount: selection.isAll,
    reason: 'optional',
    fields,
    effect,
    crawlctl: ['jobs', crawlctl, ...chosen.words],
    done: (data) => `${noun}: ${plural(data.succeeded, 'job')}`,
  });
  if (answer) selection.clear();
}

const POINTS = [{ name: 'boost', label: 'Points to add', kind: 'number', min: 1, max: 100, value: 10, required: true, option: '--by' }];

/** Return the actions of a selection. */
export function jobActions(selection) {
  const on = (options) => () => change(selection, options);
  const all = [
    { label: 'Retry', options: { verb: 'Retry', noun: 'Queued again', path: 'retry', crawlctl: 'retry', effect: 'Each finished job is queued again.' } },
    { label: 'Boost', options: { verb: 'Boost', noun: 'Boosted', path: 'boost', crawlctl: 'boost', fields: POINTS, effect: 'Live jobs get a higher priority, up to 100.' } },
    { label: 'Wake', options: { verb: 'Wake', noun: 'Queued now', path: 'wake', crawlctl: 'wake', effect: 'Waiting jobs are queued now.' } },
    { label: 'Cancel', danger: true, options: { verb: 'Cancel', noun: 'Cancelled', path: 'cancel', crawlctl: 'cancel', danger: true, effect: 'Live jobs end as cancelled. Stored pages stay.' } },
    {
      label: 'Give up',
      danger: true,
      options: { verb: 'Give up', noun: 'Ended as failed', path: 'status', method: 'PUT', body: { status: 'failed' }, crawlctl: 'give-up', danger: true, effect: 'Live jobs end as failed.' },
    },
  ];
  return all.map(({ label, danger, options }) => ({ label, danger, scope: 'jobs', run: on(options) }));
}
