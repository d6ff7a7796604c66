// The form of a schedule, new or changed, with a live preview of its expression.
import { html, useId, useState } from '../../core/html.js';
import { api } from '../../core/api.js';
import { refreshAfterChange } from '../../core/poll.js';
import { ROOT, hrefOf } from '../../core/router.js';
import { Button } from '../../parts/button.js';
import { CommandLines } from '../../parts/command_lines.js';
import { Conflict } from '../../parts/conflict.js';
import { Dialog, ask } from '../../parts/dialog.js';
import { Field, Form, useForm } from '../../parts/form.js';
import { toast } from '../../parts/toast.js';
import { bodyOf, commandOf, newValues, obstacleOf, requestOf, valuesOf } from './fields.js';
import { Preview, usePreview } from './preview.js';

const CRAWLS = [{ value: 'subreddit', label: 'One subreddit' }, { value: 'steps', label: 'Several subreddits, as a group' }];
const POLICIES = [
  { value: 'fire_once', label: 'The latest one fires, at any delay' },
  { value: 'skip', label: 'The latest one fires if it is at most 5 minutes late' },
];
const zones = () => Intl.supportedValuesOf?.('timeZone') ?? [];

/** `schedule` has all its fields as the API returned them; without it the form creates one from `given`. */
export default function ScheduleForm({ close, schedule, given }) {
  const [base, setBase] = useState(schedule);
  const form = useForm({
    values: base ? valuesOf(base) : newValues(given),
    send: (values) => send(requestOf(values, base)),
    done: ({ data, requestId }) => {
      refreshAfterChange();
      const audit = { label: 'Audit row', href: hrefOf(`${ROOT}/audit`, { request_id: requestId }) };
      toast(data.warning ?? `"${data.name}" is ${base ? 'changed' : 'created'}`, { tone: data.warning ? 'bad' : 'good', action: audit });
      close(data);
    },
  });
  const { values } = form;
  const preview = usePreview(values.cron_expression, values.timezone);
  const request = requestOf(values, base);
  const obstacle = obstacleOf(values, request);
  const isConflict = form.problem?.status === 412;
  const submit = (event) => {
    event?.preventDefault();
    if (!obstacle) form.submit();
  };
  const leave = async () => {
    const text = 'The values that you typed are lost.';
    if (!form.isChanged || (await ask({ title: 'Close the form?', text, verb: 'Close the form', danger: true }))) close(null);
  };
  const adopt = (current, next) => {
    setBase(current.data);
    form.reset(next);
  };
  const shown = { ...form, submit, problem: isConflict ? null : form.problem, errors: errorsOf(form, preview) };
  return html`<${Dialog} side title=${base ? `Edit "${base.name}"` : 'New schedule'} onClose=${leave} actions=${html`
      <${Button} onClick=${leave}>Cancel<//>
      <${Button} kind="primary" scope="schedules" busy=${form.isBusy} reason=${obstacle} onClick=${submit}>${base ? 'Save' : 'Create'}<//>`}>
    ${isConflict && html`<${FormConflict} error=${form.problem} request=${request} base=${base} values=${values} adopt=${adopt} />`}
    <${Form} form=${shown}>
      <${Field} form=${shown} name="name" label="Name" required max=${100} hint="Unique, such as: golang, each morning." />
      <${Field} form=${shown} name="crawls" kind="choice" label="Crawls" options=${CRAWLS} />
      ${values.crawls === 'subreddit'
        ? html`<${Field} form=${shown} name="subreddit" label="Subreddit" required max=${25} placeholder="golang" />`
        : html`<${Field} form=${shown} name="steps" kind="area" rows=${4} max=${4_000_000} label="Steps" required
            hint="One subreddit on each line. A step that waits: flask after python, django. Or: flask after all. A JSON list can have all fields of the API." />`}
      <${Field} form=${shown} name="cron_expression" label="Expression" required max=${200} placeholder="0 7 * * *"
        hint="Minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly; or @every 90m." />
      <${ZoneField} form=${shown} />
      <${Preview} preview=${preview} zone=${values.timezone} spread=${values.spread_seconds} choose=${(text) => form.set('cron_expression', text)} />
      <${MoreFields} form=${shown} isNew=${!base} />
    <//>
    ${!obstacle && html`<${CommandLines} request=${request} crawlctl=${commandOf(request, base?.id)} />`}
  <//>`;
}

const send = ({ method, path, body, ifMatch }) => api.send(method, path, { body, ifMatch });

/** The preview knows newer errors of the expression and the zone than the last answer to the form. */
function errorsOf({ errors }, preview) {
  const live = (name) => preview.errors[name] ?? (preview.data ? undefined : errors[name]);
  return { ...errors, subreddit: errors.subreddit ?? errors.subreddit_id, cron_expression: live('cron_expression'), timezone: live('timezone') };
}

function ZoneField({ form }) {
  const id = useId();
  return html`<div>
    <${Field} form=${form} name="timezone" label="Time zone" required max=${100} list=${id} hint="An IANA name, such as Europe/Vienna." />
    <datalist id=${id}>${zones().map((zone) => html`<option key=${zone} value=${zone} />`)}</datalist>
  </div>`;
}

const MORE = ['description', 'priority', 'max_retries', 'misfire_policy', 'misfire_deadline_seconds', 'spread_seconds'];

const MoreFields = ({ form, isNew }) => html`<details class="more-fields" open=${MORE.some((name) => form.errors[name])}>
  <summary>Priority, retries, missed due times, spread</summary>
  <div class="form">
    <${Field} form=${form} name="description" kind="area" rows=${2} max=${1000} label="Description" hint="For people." />
    <${Field} form=${form} name="priority" kind="number" min=${0} max=${100} label="Priority" hint="0 to 100; a higher one runs first." />
    <${Field} form=${form} name="max_retries" kind="number" min=${0} label="Retries" hint="Empty: the server's setting." />
    <${Field} form=${form} name="misfire_policy" kind="choice" label="After an outage" options=${POLICIES} />
    <${Field} form=${form} name="misfire_deadline_seconds" kind="number" min=${1} label="Longest delay, seconds" hint="Later than this, a due time is skipped. Empty: the rule above decides." />
    <${Field} form=${form} name="spread_seconds" kind="number" min=${0} label="Spread, seconds" hint="A fixed delay of at most this, so that many schedules do not start together." />
    ${isNew && html`<${Field} form=${form} name="enabled" kind="flag" label="Enabled" />`}
  </div>
</details>`;

const SEEN = ['name', 'subreddit', 'step_count', 'cron_expression', 'timezone', 'priority', 'max_retries', 'misfire_policy', 'misfire_deadline_seconds', 'spread_seconds', 'enabled', 'description'];

/** Another person saved first: keep the typed values on the newer version, or take that version. */
function FormConflict({ error, request, base, values, adopt }) {
  const { current } = error;
  if (!current) return html`<${Conflict} error=${error} mine=${request.body} />`;
  const seen = Object.fromEntries(SEEN.map((name) => [name, base[name]]));
  const rebased = () => {
    const typed = Object.keys(request.body).map((name) => (name === 'steps' || name === 'subreddit' ? ['crawls', name] : [name])).flat();
    const kept = Object.fromEntries(typed.map((name) => [name, values[name]]));
    adopt(current, { ...valuesOf(current.data), ...kept });
  };
  return html`<${Conflict} error=${error} mine=${request.body} theirs=${{ ...current.data, ...bodyOf(valuesOf(current.data)) }} base=${seen}
    onReload=${() => adopt(current, valuesOf(current.data))} onOverwrite=${rebased} overwrite="Keep mine on this version" />`;
}
