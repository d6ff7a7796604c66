// The outcomes of due times as a strip: colour and height show the outcome, and words name it.
import { html } from '../../core/html.js';
import { plural, words } from '../../core/format.js';
import { Status, toneOf } from '../../parts/status.js';
import { Time, absolute } from '../../parts/time.js';
import { useSettings } from '../../core/settings.js';

const STEP = 8; // width of a bar with its gap
const HIGH = 20;
const HEIGHTS = { enqueued: HIGH, merged: 15, skipped: 9, missed: 5 };
export const MEANINGS = {
  enqueued: 'A new job or group was made.',
  merged: 'The live job of the subreddit serves the run too.',
  skipped: 'It was too late, or the last group had not finished.',
  missed: 'A later due time or a change of the schedule replaced it.',
};

function countsOf(outcomes) {
  const counts = new Map();
  for (const { outcome, ticks } of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + ticks);
  return counts;
}

/** `outcomes` has the newest first; the strip shows the oldest at the left. */
export function OutcomeStrip({ outcomes, small = false }) {
  const { zone } = useSettings();
  if (outcomes.length === 0) return null;
  const counts = [...countsOf(outcomes)];
  const text = counts.map(([outcome, count]) => `${count} ${words(outcome)}`).join(', ');
  const shown = [...outcomes].reverse();
  const width = shown.length * STEP;
  return html`<div class=${small ? 'outcomes small' : 'outcomes'}>
    <svg viewBox=${`0 0 ${width} ${HIGH}`} width=${width} height=${HIGH} role="img" aria-label=${`Last due times, the newest at the right: ${text}`}>
      ${shown.map(({ due_at: due, outcome, ticks, manual }, at) => {
        const height = HEIGHTS[outcome] ?? HIGH;
        const title = `${absolute(due, zone)}: ${words(outcome)}${ticks > 1 ? ` (${plural(ticks, 'due time')})` : ''}${manual ? ', by an operator' : ''}`;
        return html`<rect key=${`${due} ${at}`} class=${`bar-part tone-${toneOf('schedule', outcome)}`} x=${at * STEP} y=${HIGH - height} width=${STEP - 2} height=${height}><title>${title}</title></rect>`;
      })}
    </svg>
    ${!small &&
    html`<ul class="legend">
      ${counts.map(
        ([outcome, count]) => html`<li key=${outcome} title=${MEANINGS[outcome]}><${Status} kind="schedule" value=${outcome} note=${count} /></li>`,
      )}
    </ul>`}
  </div>`;
}

export const LastOutcome = ({ outcome }) =>
  outcome
    ? html`<span><${Status} kind="schedule" value=${outcome.outcome} /> <span class="quiet"><${Time} at=${outcome.due_at} kind="relative" /></span></span>`
    : html`<span class="quiet">not due yet</span>`;
