// The progress of a group: a bar in parts by state, the pace, and the expected end.
import { html } from '../../core/html.js';
import { Parts } from '../../parts/progress.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';

const PARTS = [
  ['succeeded', 'Succeeded', 'good'],
  ['failed', 'Failed', 'bad'],
  ['skipped', 'Skipped', 'muted'],
  ['cancelled', 'Cancelled', 'muted'],
  ['enqueued', 'In progress', 'accent'],
  ['held', 'Held', 'warn'],
  ['pending', 'Waiting', 'neutral'],
];

/** Steps by state, as a bar with its numbers. A state without steps is left out of the legend. */
export function StepBar({ counts, total, label = 'Steps' }) {
  const parts = PARTS.filter(([state]) => counts[state] > 0);
  if (parts.length === 0) return html`<span class="quiet">No steps yet</span>`;
  return html`<${Parts} label=${label} total=${total} parts=${parts.map(([state, name, tone]) => ({ label: name, value: counts[state], tone }))} />`;
}

/** Steps by time: "24.0 an hour", or "3.2 a minute". */
export function Pace({ progress }) {
  const pace = progress.steps_per_minute;
  if (pace === null) return html`<span class="quiet">not measured yet</span>`;
  return html`<span>${pace < 1 ? `${(pace * 60).toFixed(1)} an hour` : `${pace.toFixed(1)} a minute`}</span>`;
}

/** The expected end, or the cause why there is none. */
export function Eta({ group }) {
  const { progress, state } = group;
  if (progress.eta) return html`<${Time} at=${progress.eta} />`;
  const why = { finished: '–', held: 'after a decision', paused: 'paused' }[state] ?? 'not known yet';
  return html`<span class="quiet">${why}</span>`;
}

/** The state of a group; of a finished one its outcome. */
export const GroupStatus = ({ group }) =>
  html`<${Status} kind="group" value=${group.outcome ?? group.state} label=${group.outcome ? undefined : WORDS[group.state]} />`;

const WORDS = { held: 'needs a decision', unsealed: 'accepts steps' };

export const nameOf = (group) => group.name ?? `Group ${group.id}`;
