// The phases of the crawl with their stored items, and the parts that Reddit did not deliver.
import { html } from '../../core/html.js';
import { number, plural, words } from '../../core/format.js';
import { Section } from '../../parts/page.js';
import { Progress } from '../../parts/progress.js';
import { Status } from '../../parts/status.js';

const STATES = { passed: 'ok', current: 'info', ahead: 'none' };

export function CrawlProgress({ job }) {
  const { progress, phases } = job;
  const isRunning = job.status === 'crawling';
  if (!isRunning && progress.requests === 0 && progress.phase === null) return null;
  const pace = job.requests_per_minute !== null && html` <span class="quiet">${job.requests_per_minute.toFixed(1)} requests a minute while a worker held it</span>`;
  return html`<${Section} title="Progress">
    ${isRunning
      ? html`<${Progress} label="Requests" done=${progress.done} total=${progress.total} eta=${progress.eta} />${pace}`
      : html`<p>${plural(progress.requests, 'request')} to Reddit.${pace}</p>`}
    <ol class="phases">
      ${phases.map(
        ({ phase, state, page, items }) => html`<li key=${phase} class=${`phase ${state}`}>
          <${Status} kind="check" value=${STATES[state]} label=${words(phase)} note=${noteOf(state, page, items)} />
        </li>`,
      )}
    </ol>
    ${progress.gap && html`<p class="note tone-warn">Items are missing: more were new than Reddit's listings show.</p>`}
    <${Missing} job=${job} />
  <//>`;
}

function noteOf(state, page, items) {
  const parts = [page && `page ${page}`, items !== null && state !== 'ahead' && `${number(items)} stored`].filter(Boolean);
  return parts.length > 0 ? parts.join(', ') : state === 'ahead' ? 'ahead' : '';
}

function Missing({ job }) {
  const { missing, progress } = job;
  if (progress.missing_parts === 0) return null;
  return html`<details class="quiet">
    <summary>${plural(progress.missing_parts, 'part')} that Reddit did not deliver</summary>
    <ul>${missing.map((part, at) => html`<li key=${at}><code>${JSON.stringify(part)}</code></li>`)}</ul>
  </details>`;
}
