// The enqueue form: one subreddit or a list of them. It opens by "n" on each page that shows its button.
import { html } from '../../core/html.js';
import { api } from '../../core/api.js';
import { useCommands } from '../../core/commands.js';
import { plural, words } from '../../core/format.js';
import { useKeys } from '../../core/keys.js';
import { refreshAfterChange } from '../../core/poll.js';
import { useCan } from '../../core/session.js';
import { Button } from '../../parts/button.js';
import { CommandLines } from '../../parts/command_lines.js';
import { Dialog, openDialog } from '../../parts/dialog.js';
import { Field, Form, useForm } from '../../parts/form.js';
import { toast } from '../../parts/toast.js';

const MOST = 1000;
const JOBS = '/api/admin/jobs';

export const openEnqueue = (values = {}) => openDialog((close) => html`<${Enqueue} close=${close} given=${values} />`);

/** The button "Enqueue", with its key and its command. */
export function EnqueueButton() {
  const canEnqueue = useCan('jobs');
  const open = () => openEnqueue();
  useKeys(canEnqueue ? [{ keys: 'n', label: 'Enqueue a crawl', run: open }] : [], 'Page');
  useCommands([canEnqueue && { label: 'Enqueue a crawl', hint: 'n', run: open }]);
  return html`<${Button} kind="primary" scope="jobs" onClick=${open}>Enqueue<//>`;
}

const namesOf = (text) => text.split(/[\s,]+/).filter(Boolean).slice(0, MOST);

/** Return the request: one subreddit has an endpoint of its own, which merges into a live job. */
function requestOf({ names, priority, visible_at: visibleAt }) {
  const all = namesOf(names);
  const more = { priority: priority ?? undefined, visible_at: visibleAt ?? undefined };
  return all.length === 1
    ? { method: 'POST', path: JOBS, body: { subreddit: all[0], ...more } }
    : { method: 'POST', path: `${JOBS}/bulk`, body: { subreddits: all, ...more } };
}

function Enqueue({ close, given }) {
  const form = useForm({
    values: { names: '', priority: 60, visible_at: null, ...given },
    send: (values) => {
      const request = requestOf(values);
      return api.send(request.method, request.path, { body: request.body });
    },
    done: ({ data }) => {
      refreshAfterChange();
      const link = data.job && { label: `Job ${data.job.id}`, href: `/ui/jobs/${data.job.id}` };
      const text = data.job
        ? `r/${data.job.subreddit}: ${words(data.result)}`
        : `${plural(data.succeeded, 'subreddit')} enqueued${data.failed ? `, ${data.failed} refused` : ''}`;
      toast(text, { tone: data.failed ? 'bad' : 'good', action: link });
      close(data);
    },
  });
  const count = namesOf(form.values.names).length;
  const request = requestOf(form.values);
  const errors = { ...form.errors, names: form.errors.subreddit ?? form.errors.subreddits };
  return html`<${Dialog}
    title="Enqueue a crawl"
    onClose=${() => close(null)}
    actions=${html`<${Button} onClick=${() => close(null)}>Cancel<//>
      <${Button} kind="primary" scope="jobs" busy=${form.isBusy} reason=${count === 0 ? 'Type a name.' : null} onClick=${form.submit}>
        ${count > 1 ? `Enqueue ${count}` : 'Enqueue'}
      <//>`}
  >
    <${Form} form=${form}>
      <${Field} form=${{ ...form, errors }} name="names" kind="area" rows=${2} label="Subreddits" required
        hint="One name, or up to 1,000 names separated by blanks, commas or lines. A name with a live job is merged into it." />
      <${Field} form=${form} name="priority" kind="number" min=${0} max=${100} label="Priority" hint="0 to 100; a higher one runs first." />
      <${Field} form=${form} name="visible_at" kind="time" label="Not before" hint="Empty: at once." />
    <//>
    ${count > 0 && html`<${CommandLines} request=${request} crawlctl=${['jobs', 'enqueue', ...namesOf(form.values.names)]} />`}
  <//>`;
}
