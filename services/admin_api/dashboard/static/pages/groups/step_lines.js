// Steps of a group from pasted names or from JSON, and the keys that they wait for.

export const MOST_STEPS = 10_000; // of one request
export const MOST_ROWS = 100; // of the table of upstreams

const keyOf = (name) => name.replace(/^\/?r\//i, '');

/** Return the pasted names without repetitions. */
export function namesOf(text) {
  const all = text.split(/[\s,]+/).filter(Boolean).map(keyOf);
  const seen = new Set();
  return all.filter((name) => !seen.has(name.toLowerCase()) && seen.add(name.toLowerCase()));
}

/** "a, job 7, group 3" -> ["a", {job: 7}, {group: 3}]; "all" -> "all" */
export function upstreamsOf(text) {
  const parts = text.split(',').map((part) => part.trim()).filter(Boolean);
  if (parts.length === 1 && parts[0].toLowerCase() === 'all') return 'all';
  return parts.map((part) => {
    const [, kind, id] = /^(job|group) (\d+)$/i.exec(part) ?? [];
    return kind ? { [kind.toLowerCase()]: Number(id) } : keyOf(part);
  });
}

/** Return the upstreams of a step that the chosen order gives. */
function usualUpstreams(names, at, order) {
  if (order === 'chain') return at > 0 ? names[at - 1] : '';
  return order === 'last' && at === names.length - 1 && at > 0 ? 'all' : '';
}

/** Return { name, after } of each step: its own upstreams, or those of the order. */
export function rowsOf({ names, order, after }) {
  const all = namesOf(names);
  return all.map((name, at) => ({ name, after: Object.hasOwn(after, name) ? after[name] : usualUpstreams(all, at, order) }));
}

function stepsFromNames(values) {
  return rowsOf(values).map(({ name, after }) => {
    const upstreams = upstreamsOf(after);
    return {
      subreddit: name,
      ...(upstreams.length > 0 && { after: upstreams, on_upstream_failure: values.policy }),
      ...(values.outcome !== 'any' && { require_outcome: values.outcome }),
      ...(values.priority !== null && { priority: values.priority }),
    };
  });
}

/** Return { steps, problem }: the steps of the form, or why its text has none. */
export function stepsOf(values) {
  if (values.mode === 'names') {
    const steps = stepsFromNames(values);
    return { steps, problem: steps.length === 0 ? 'Paste the names of subreddits.' : limitOf(steps) };
  }
  try {
    const parsed = JSON.parse(values.json || 'null');
    const steps = Array.isArray(parsed) ? parsed : parsed?.steps;
    if (!Array.isArray(steps) || steps.length === 0) {
      return { steps: [], problem: 'Type a JSON list of steps, such as [{"subreddit": "golang"}].' };
    }
    return { steps, problem: limitOf(steps) };
  } catch (error) {
    return { steps: [], problem: `The text is not JSON: ${error.message}` };
  }
}

const limitOf = (steps) => (steps.length > MOST_STEPS ? 'One request has at most 10,000 steps.' : null);

/** The steps as JSON, for the other tab of the form. */
export const jsonOf = (steps) => JSON.stringify(steps, null, 1);
