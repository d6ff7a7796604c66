// The values of the form of a schedule, and the bodies and command lines that they give.
import { PATH } from './path.js';
import { stepsOf, textOf } from './steps_text.js';

const EMPTY = {
  name: '', description: '', crawls: 'subreddit', subreddit: '', steps: '', cron_expression: '', timezone: 'UTC', priority: 20,
  max_retries: null, misfire_policy: 'fire_once', misfire_deadline_seconds: null, spread_seconds: 0, enabled: true,
}; // prettier-ignore

export const newValues = (given = {}) => ({ ...EMPTY, ...given });

/** Return the values of the form for a schedule of the API. */
export function valuesOf(schedule) {
  const values = Object.fromEntries(Object.keys(EMPTY).map((name) => [name, schedule[name] ?? EMPTY[name]]));
  return {
    ...values,
    max_retries: schedule.max_retries,
    misfire_deadline_seconds: schedule.misfire_deadline_seconds,
    crawls: schedule.steps ? 'steps' : 'subreddit',
    subreddit: schedule.subreddit ?? '',
    steps: textOf(schedule.steps),
  };
}

/** Return the whole body of the values. */
export function bodyOf(values) {
  const { crawls, subreddit, steps, ...others } = values;
  return {
    ...others,
    name: values.name.trim(),
    description: values.description.trim() || null,
    ...(crawls === 'steps' ? { steps: stepsOf(steps).steps } : { subreddit: subreddit.trim().replace(/^r\//i, '') }),
  };
}

/** Return the request that creates the schedule, or changes the fields that differ from `base`. */
export function requestOf(values, base) {
  const body = bodyOf(values);
  if (!base) {
    const given = Object.entries(body).filter(([, value]) => value !== null);
    return { method: 'POST', path: PATH, body: Object.fromEntries(given) };
  }
  const old = bodyOf(valuesOf(base));
  const changed = Object.entries(body).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(old[name]));
  return { method: 'PATCH', path: `${PATH}/${base.id}`, body: Object.fromEntries(changed), ifMatch: `"${base.version}"` };
}

/** Return the first reason why the values cannot be sent, or null. */
export function obstacleOf(values, request) {
  if (!values.name.trim()) return 'Type a name.';
  if (!values.cron_expression.trim()) return 'Type an expression.';
  if (values.crawls === 'subreddit' && !values.subreddit.trim()) return 'Type a subreddit.';
  if (values.crawls === 'steps') {
    const { steps, error } = stepsOf(values.steps);
    if (error) return error;
    if (steps.length === 0) return 'Type the steps.';
  }
  return Object.keys(request.body).length === 0 ? 'Nothing is changed.' : null;
}

const OPTIONS = {
  name: '--name', subreddit: '--subreddit', cron_expression: '--cron', timezone: '--tz', description: '--description',
  priority: '--priority', max_retries: '--max-retries', misfire_policy: '--misfire', spread_seconds: '--spread',
}; // prettier-ignore

/** Return the arguments of crawlctl, or null if a field has no option there. */
export function commandOf({ method, body }, id) {
  const isNew = method === 'POST';
  const words = isNew ? ['schedules', 'create'] : ['schedules', 'edit', String(id)];
  for (const [name, value] of Object.entries(body)) {
    if (name === 'enabled' && isNew) {
      if (!value) words.push('--disabled');
    } else if (!OPTIONS[name] || value === null) {
      return null;
    } else {
      words.push(OPTIONS[name], name === 'spread_seconds' ? `${value}s` : String(value));
    }
  }
  return words;
}
