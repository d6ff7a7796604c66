// The causes that hold up a group, each with the request that removes it.
import { html } from '../../core/html.js';
import { Section } from '../../parts/page.js';
import { Remedy } from '../../parts/remedy.js';
import { Status } from '../../parts/status.js';

const LEVELS = { held: 'warning', paused: 'warning', unsealed: 'warning', failed: 'critical' };
const WORDS = { critical: 'failed', warning: 'decide', info: 'waits' };

export function Obstacles({ group }) {
  const { obstacles } = group;
  const heading = group.finished_at ? 'What went wrong?' : 'What holds it up?';
  if (obstacles.length === 0) {
    if (group.finished_at || group.steps > 0) return null;
    return html`<p class="note tone-neutral">The group has no steps yet. Add steps, then seal it.</p>`;
  }
  return html`<${Section} title=${heading}>
    <ul class="conditions">
      ${obstacles.map((one) => {
        const level = LEVELS[one.code] ?? 'info';
        return html`<li class="condition" key=${one.code + one.text}>
          <${Status} kind="check" value=${level} label=${WORDS[level]} />
          <div><p>${one.text}</p><${Remedy} remedy=${one.remedy} /></div>
        </li>`;
      })}
    </ul>
  <//>`;
}
