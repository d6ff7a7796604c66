// The changes of a schedule on its page, with their keys.
import { html } from '../../core/html.js';
import { useKeys } from '../../core/keys.js';
import { hrefOf } from '../../core/router.js';
import { useCan } from '../../core/session.js';
import { Button } from '../../parts/button.js';
import { Menu } from '../../parts/menu.js';
import { remove, runNow, toggle } from '../schedules/actions.js';
import { openEdit } from '../schedules/open_form.js';

export function ScheduleActions({ schedule }) {
  const canChange = useCan('schedules');
  const run = () => runNow(schedule);
  const edit = () => openEdit(schedule);
  useKeys(
    canChange ? [{ keys: 'a', label: 'Run now', run }, { keys: 'e', label: 'Edit the schedule', run: edit }] : [],
    'Schedule',
  );
  const items = [
    { label: schedule.enabled ? 'Disable' : 'Enable', scope: 'schedules', run: () => toggle(schedule) },
    schedule.step_count === null
      ? { label: 'Its jobs', href: hrefOf('/ui/jobs', { schedule_id: schedule.id }) }
      : { label: 'Its groups', href: hrefOf('/ui/groups', { schedule_id: schedule.id }) },
    { label: 'Delete', scope: 'schedules', danger: true, run: () => remove(schedule) },
  ];
  return html`
    <${Button} kind="primary" scope="schedules" onClick=${run}>Run now<//>
    <${Button} scope="schedules" onClick=${edit}>Edit<//>
    <${Menu} label="More" items=${items} />
  `;
}
