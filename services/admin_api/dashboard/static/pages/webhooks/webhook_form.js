// The form of a webhook: a new one, or the settings of one that exists. It is loaded when it is opened.
import { html, useRef } from '../../core/html.js';
import { api } from '../../core/api.js';
import { refreshAfterChange } from '../../core/poll.js';
import { Button } from '../../parts/button.js';
import { CommandLines } from '../../parts/command_lines.js';
import { Conflict } from '../../parts/conflict.js';
import { Dialog } from '../../parts/dialog.js';
import { Field, Form, useForm } from '../../parts/form.js';
import { toast } from '../../parts/toast.js';

const LIST = '/api/admin/webhooks';
const EVENTS = [
  'job.succeeded', 'job.failed', 'job.cancelled', 'group.finished', 'group.step_failed', 'schedule.disabled',
  'schedule.missed', 'subreddit.access_changed', 'budget.paused', 'webhook.disabled',
];
const SOURCES = ['user', 'schedule', 'discovery', 'stale'];

const valuesOf = ({ url = '', events = [], description, filter } = {}) => ({
  url,
  events,
  description: description ?? '',
  group_id: filter?.group_id ?? null,
  source: filter?.source ?? null,
  subreddit: filter?.subreddit ?? '',
});

const bodyOf = ({ url, events, description, group_id: group, source, subreddit }) => ({
  url: url.trim(),
  events,
  description: description.trim() || null,
  filter: { group_id: group, source, subreddit: subreddit.trim() || null },
});

/** Return the fields that differ from the webhook: the others stay as they are, and are not checked again. */
function changesOf(values, webhook) {
  const before = bodyOf(valuesOf(webhook));
  const changed = ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]);
  return Object.fromEntries(Object.entries(bodyOf(values)).filter(changed));
}

/** The errors of the filter stand at its fields. */
function errorsOf(form) {
  const ofFilter = (form.problem?.errors ?? []).filter(({ pointer }) => pointer.startsWith('/filter/'));
  return { ...form.errors, ...Object.fromEntries(ofFilter.map(({ pointer, detail }) => [pointer.split('/')[2], detail])) };
}

function missingOf({ url, events }, body) {
  if (!url.trim()) return 'Type an address.';
  if (events.length === 0) return 'Choose an event.';
  return Object.keys(body).length === 0 ? 'Nothing is changed.' : null;
}

function createLine({ url, events, description, filter }) {
  const filters = Object.entries(filter).filter(([, value]) => value !== null);
  return ['webhooks', 'create', url, ...events.flatMap((event) => ['--event', event]),
    ...(description ? ['--description', description] : []),
    ...filters.flatMap(([name, value]) => ['--filter', `${name}=${value}`])];
}

export default function WebhookForm({ webhook, close }) {
  const match = useRef(webhook && `"${webhook.version}"`);
  const method = webhook ? 'PATCH' : 'POST';
  const path = webhook ? `${LIST}/${webhook.id}` : LIST;
  const requested = (values) => (webhook ? changesOf(values, webhook) : bodyOf(values));
  const form = useForm({
    values: valuesOf(webhook ?? {}),
    send: (values) => api.send(method, path, { body: requested(values), ifMatch: match.current }),
    done: ({ data }) => {
      form.reset();
      refreshAfterChange();
      toast(webhook ? 'The webhook is changed' : 'The webhook is created', { tone: 'good' });
      close(data);
    },
  });
  const { values, problem } = form;
  const body = requested(values);
  const missing = missingOf(values, body);
  const conflict = problem?.status === 412 ? problem : null;
  const fields = { ...form, errors: errorsOf(form), problem: conflict ? null : problem };
  const overwrite = () => {
    match.current = conflict.current.etag;
    form.submit();
  };
  return html`<${Dialog} side title=${webhook ? `Settings of webhook ${webhook.id}` : 'New webhook'} onClose=${() => close(null)} actions=${html`
      <${Button} onClick=${() => close(null)}>Cancel<//>
      <${Button} kind="primary" scope="webhooks" busy=${form.isBusy} reason=${missing} onClick=${form.submit}>${webhook ? 'Save' : 'Create'}<//>`}>
    <${Form} form=${fields}>
      ${conflict && html`<${Conflict} error=${conflict} mine=${body} theirs=${conflict.current?.data}
        onReload=${conflict.current && (() => close({ conflict: conflict.current.data }))} onOverwrite=${conflict.current?.etag && overwrite} />`}
      <${Field} form=${fields} name="url" label="Address of the receiver" max=${2000} required
        hint="It begins with https. The host must have only public addresses, unless a setting of the server allows others." />
      <${Field} form=${fields} name="events" kind="choices" label="Events" required options=${[...new Set([...EVENTS, ...values.events])].map((event) => ({ value: event, label: event }))} />
      <${Field} form=${fields} name="description" label="Description" max=${1000} hint="For people." />
      <${Field} form=${fields} name="group_id" kind="number" min=${1} label="Only of this group" hint="The number of a group. Empty: all groups." />
      <${Field} form=${fields} name="source" kind="choice" label="Only of jobs from" empty="Any source" options=${SOURCES} />
      <${Field} form=${fields} name="subreddit" label="Only of this subreddit" max=${25} placeholder="golang"
        hint="A filter leaves out events without its value: events of schedules have no source." />
    <//>
    ${!missing && html`<${CommandLines} request=${{ method, path, body, ifMatch: match.current }} crawlctl=${webhook ? null : createLine(body)} />`}
  <//>`;
}
