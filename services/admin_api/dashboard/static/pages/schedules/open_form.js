// Opens the form of a schedule. Its modules are loaded when the first form is opened.
import { html } from '../../core/html.js';
import { ROOT, navigate } from '../../core/router.js';
import { openDialog } from '../../parts/dialog.js';
import { toast } from '../../parts/toast.js';

async function open(given) {
  let ScheduleForm;
  try {
    ScheduleForm = (await import('./form.js')).default;
  } catch {
    toast('The form could not be loaded. Try again, or reload the page.', { tone: 'bad' });
    return null;
  }
  return openDialog((close) => html`<${ScheduleForm} close=${close} ...${given} />`);
}

/** Open the form of a new schedule. `given` are first values of its fields. */
export async function openNewSchedule(given) {
  const made = await open({ given });
  if (made) navigate(`${ROOT}/schedules/${made.id}`);
}

/** Open the form that changes a schedule, with all its fields as the API returned them. */
export const openEdit = (schedule) => open({ schedule });
