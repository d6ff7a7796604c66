// The state of a schedule: enabled, late, disabled by an operator, or broken with its reason.
import { html } from '../../core/html.js';
import { now, useNow } from '../../core/clock.js';
import { Status } from '../../parts/status.js';

const LATE_MS = 5 * 60_000; // a scheduler looks each few seconds

export function stateOf(schedule) {
  if (!schedule.enabled) return schedule.disabled_reason ? 'broken' : 'disabled';
  const isLate = schedule.next_run_at && Date.parse(schedule.next_run_at) < now() - LATE_MS;
  return isLate ? 'late' : 'enabled';
}

const NOTES = {
  late: 'No scheduler has fired the last due time.',
};

/** The state with its reason. A group that has not finished is the usual cause of a late schedule. */
export function ScheduleState({ schedule }) {
  useNow(10);
  const value = stateOf(schedule);
  const note = value === 'late' && schedule.open_group_id ? 'The last group has not finished.' : NOTES[value];
  const text = value === 'broken' ? schedule.disabled_reason : note;
  return html`<span><${Status} kind="schedule" value=${value} />${text && html` <span class="quiet">${text}</span>`}</span>`;
}
