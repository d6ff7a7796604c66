// The button "New group", and functions that open the forms of groups.
import { html } from '../../core/html.js';
import { useCommands } from '../../core/commands.js';
import { useKeys } from '../../core/keys.js';
import { navigate } from '../../core/router.js';
import { useCan } from '../../core/session.js';
import { Button } from '../../parts/button.js';
import { openDialog } from '../../parts/dialog.js';

async function openForm(properties) {
  const { default: GroupForm } = await import('./group_form.js');
  return openDialog((close) => html`<${GroupForm} close=${close} ...${properties} />`);
}

/** Open the form of a new group; `given` are values, such as { names: 'golang rust' }. */
export async function openNewGroup(given = {}) {
  const group = await openForm({ given });
  if (group) navigate(`/ui/groups/${group.id}`);
}

export const openAddSteps = (group) => openForm({ group });

/** The button "New group", with its key and its command. */
export function NewGroupButton() {
  const canCreate = useCan('jobs');
  const open = () => openNewGroup();
  useKeys(canCreate ? [{ keys: 'n', label: 'New group', run: open }] : [], 'Page');
  useCommands([canCreate && { label: 'New group', hint: 'n', run: open }]);
  return html`<${Button} kind="primary" scope="jobs" onClick=${open}>New group<//>`;
}
