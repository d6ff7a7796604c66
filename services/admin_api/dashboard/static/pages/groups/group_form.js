// The forms that create a group and that add steps to one. They are loaded when they are opened.
import { html } from '../../core/html.js';
import { api } from '../../core/api.js';
import { number, plural } from '../../core/format.js';
import { refreshAfterChange } from '../../core/poll.js';
import { Button } from '../../parts/button.js';
import { CommandLines } from '../../parts/command_lines.js';
import { Dialog } from '../../parts/dialog.js';
import { Field, Form, useForm } from '../../parts/form.js';
import { toast } from '../../parts/toast.js';
import { stepsOf } from './step_lines.js';
import { EMPTY_STEPS, StepsForm } from './steps_form.js';

const GROUPS = '/api/admin/groups';
const FILE = 'steps.json'; // of the crawlctl line
const MOST_SHOWN = 500; // steps of a curl line

function requestOf(values, steps, group) {
  if (group) return { method: 'POST', path: `${GROUPS}/${group.id}/steps`, body: { steps } };
  return { method: 'POST', path: GROUPS, body: { name: values.name.trim() || null, steps, sealed: !values.open } };
}

function commandOf(values, group) {
  if (group) return ['groups', 'add', String(group.id), '--file', FILE];
  const name = values.name.trim();
  return ['groups', 'create', ...(name ? ['--name', name] : []), '--file', FILE, ...(values.open ? ['--open'] : [])];
}

export default function GroupForm({ close, group, given = {} }) {
  const form = useForm({
    values: { name: '', open: false, ...EMPTY_STEPS, ...given },
    send: (values) => {
      const request = requestOf(values, stepsOf(values).steps, group);
      return api.send(request.method, request.path, { body: request.body });
    },
    done: ({ data }) => {
      refreshAfterChange();
      toast(group ? `Added: the group has ${plural(data.steps, 'step')}` : `Created a group of ${plural(data.steps, 'step')}`);
      close(data);
    },
  });
  const { steps, problem } = stepsOf(form.values);
  const verb = group ? 'Add' : 'Create';
  return html`<${Dialog}
    side
    title=${group ? `Add steps to group ${group.id}` : 'New group'}
    onClose=${() => close(null)}
    actions=${html`<${Button} onClick=${() => close(null)}>Cancel<//>
      <${Button} kind="primary" scope="jobs" busy=${form.isBusy} reason=${problem} onClick=${form.submit}>
        ${steps.length > 0 ? `${verb} ${number(steps.length)} ${steps.length === 1 ? 'step' : 'steps'}` : verb}
      <//>`}
  >
    <${Form} form=${form}>
      ${!group && html`<${Field} form=${form} name="name" label="Name" max=${200} hint="For people; several groups may have one name." />`}
      <${StepsForm} form=${form} />
      ${!group && html`<${Field} form=${form} name="open" kind="flag" label="Accept further steps later" hint="The group then finishes only after it is sealed." />`}
    <//>
    ${problem && (form.values.names || form.values.json) && html`<p class="form-error" role="status">${problem}</p>`}
    ${steps.length > 0 && steps.length <= MOST_SHOWN && html`<${CommandLines} request=${requestOf(form.values, steps, group)} crawlctl=${commandOf(form.values, group)} />
      <p class="quiet">For crawlctl, the list of "From JSON" is the content of ${FILE}.</p>`}
  <//>`;
}
