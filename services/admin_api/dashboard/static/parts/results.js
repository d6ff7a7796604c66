// The results of a dry run or of a change, item by item; refused ones first.
import { html } from '../core/html.js';
import { number, plural, words } from '../core/format.js';
import { Icon } from './icon.js';
import { Problem } from './problem.js';
import { JobLink } from './links.js';

const SHOWN = 100;

/** The result of the dry run. */
export function Verdict({ dry, count, items, change }) {
  if (dry.error) return html`<${Problem} error=${dry.error} retry=${dry.again} />`;
  if (!dry.data) return html`<p class="quiet" role="status">The server tries the change, without effect.</p>`;
  const refused = items.filter((item) => !isGood(item)).length;
  const text = change.summary?.(dry.data) ?? `${plural(count, 'item')} would change${refused ? `, ${number(refused)} cannot` : ''}.`;
  return html`<div class=${dry.isBusy ? 'changing' : ''} role="status">
      <p class="verdict"><${Icon} name=${count > 0 ? 'check' : 'warn'} /> <strong>${text}</strong></p>
    </div>
    <${Items} items=${items} />`;
}

// An item without a code has a result alone, such as the step of a cancelled group.
const isGood = ({ code }) => !code || ['ok', 'created', 'merged', 'rerun_requested'].includes(code);

/** The result of a change of which a part was refused. */
export function Results({ answer, items }) {
  return html`<p role="status"><strong>${plural(answer.succeeded ?? 0, 'item')} changed, ${number(answer.failed ?? 0)} not.</strong></p>
    <${Items} items=${items} />`;
}

function Items({ items }) {
  if (items.length === 0) return null;
  const sorted = [...items].sort((a, b) => Number(isGood(a)) - Number(isGood(b)));
  return html`<div class="results" tabindex="0" role="region" aria-label="Result for each item">
    <table class="table plain">
      <thead><tr><th scope="col">Item</th><th scope="col">Result</th></tr></thead>
      <tbody>
        ${sorted.slice(0, SHOWN).map(
          (item, at) => html`<tr key=${item.id ?? item.key ?? item.subreddit ?? at}>
            <td>${item.id ?? item.key ?? item.subreddit ?? at + 1}</td>
            <td class=${isGood(item) ? '' : 'tone-bad result-bad'}>
              ${words(item.code ?? item.result)}${item.detail ? `: ${item.detail}` : ''}
              ${item.other_job_id && html` <${JobLink} id=${item.other_job_id} />`}
            </td>
          </tr>`,
        )}
      </tbody>
    </table>
    ${items.length > SHOWN && html`<p class="quiet">The first ${SHOWN} of ${number(items.length)} items.</p>`}
  </div>`;
}

