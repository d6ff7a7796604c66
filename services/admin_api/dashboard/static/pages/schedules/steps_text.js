// The steps of a schedule as lines that a reader edits: "subreddit" or "subreddit after a, b" or "subreddit after all".
// Steps with further fields, such as a priority of their own, are JSON.

const LINE = /^(?:r\/)?(\S+)(?:\s+after\s+(.+))?$/i;
const DEFAULTS = { on_upstream_failure: ['cancel', null], require_outcome: ['any', null], priority: [null], max_retries: [null] };

const isPlain = (step) =>
  Object.entries(step).every(([name, value]) => {
    if (name === 'subreddit' || name === 'after') return true;
    if (name === 'key') return value === step.subreddit || value === step.subreddit.toLowerCase();
    return (DEFAULTS[name] ?? [null]).includes(value) || value === undefined;
  });

const lineOf = ({ subreddit, after }) => {
  const all = [after ?? []].flat();
  return all.length === 0 ? subreddit : `${subreddit} after ${all.join(', ')}`;
};

/** Return the text of steps: lines if they say everything, else JSON. */
export function textOf(steps) {
  if (!steps) return '';
  return steps.every(isPlain) ? steps.map(lineOf).join('\n') : JSON.stringify(steps, null, 2);
}

function stepOf(line) {
  const [, subreddit, after] = LINE.exec(line) ?? [null, line];
  if (!after) return { subreddit };
  const keys = after.split(/[\s,]+/).filter(Boolean);
  return { subreddit, after: keys.length === 1 && keys[0].toLowerCase() === 'all' ? 'all' : keys };
}

/** Return { steps, error } of a text. */
export function stepsOf(text) {
  if (!text.trim().startsWith('[')) {
    return { steps: text.split('\n').map((line) => line.trim()).filter(Boolean).map(stepOf), error: null };
  }
  try {
    return { steps: JSON.parse(text), error: null };
  } catch (error) {
    return { steps: [], error: `The JSON is invalid: ${error.message}` };
  }
}
