// The changes of one schedule without a form. Each sends If-Match, so that it changes only the shown version.
import { rehearse } from '../../parts/rehearsal.js';
import { PATH } from './path.js';

const SEEN = ['name', 'subreddit', 'step_count', 'cron_expression', 'timezone', 'priority', 'enabled'];

const crawlsOf = ({ subreddit, step_count: steps }) => (subreddit ? `A crawl of r/${subreddit}` : `A group of ${steps} steps`);

/** Return the fields of each change: the scope, the version, and the schedule as the reader saw it. */
const about = (schedule) => ({
  scope: 'schedules',
  resource: `${PATH}/${schedule.id}`,
  ifMatch: `"${schedule.version}"`,
  base: Object.fromEntries(SEEN.map((name) => [name, schedule[name]])),
});

export const runNow = (schedule) =>
  rehearse({
    ...about(schedule),
    title: `Run "${schedule.name}" now`,
    verb: 'Run now',
    method: 'POST',
    path: `${PATH}/${schedule.id}/run`,
    effect: `${crawlsOf(schedule)} is enqueued at once. If the subreddit has a live job, that job serves the run. The next due time stays.`,
    crawlctl: ['schedules', 'run', String(schedule.id)],
    done: (data) => (data.job ? `Job ${data.job.id}: ${data.result.replaceAll('_', ' ')}` : `Group ${data.id} is created`),
  });

export function toggle(schedule) {
  const enabled = !schedule.enabled;
  const verb = enabled ? 'Enable' : 'Disable';
  return rehearse({
    ...about(schedule),
    title: `${verb} "${schedule.name}"`,
    verb,
    method: 'POST',
    path: `${PATH}/${schedule.id}/toggle`,
    body: { enabled },
    effect: enabled
      ? 'The schedule fires at its next due time. It does not catch up on earlier ones.'
      : 'No due time fires until the schedule is enabled again. Jobs and groups that exist go on.',
    crawlctl: ['schedules', enabled ? 'enable' : 'disable', String(schedule.id)],
    done: (data) => data.warning ?? `"${schedule.name}" is ${enabled ? 'enabled' : 'disabled'}`,
  });
}

export const remove = (schedule) =>
  rehearse({
    ...about(schedule),
    title: `Delete "${schedule.name}"`,
    verb: 'Delete',
    danger: true,
    leaveTo: '/ui/schedules',
    method: 'DELETE',
    path: `${PATH}/${schedule.id}`,
    effect: 'The schedule and its ledger are deleted. Its jobs, its groups and the crawled content stay.',
    crawlctl: ['schedules', 'delete', String(schedule.id)],
    done: () => `"${schedule.name}" is deleted`,
  });
