// The attempts of one delivery: result, duration, and the answer of the receiver.
import { html } from '../../core/html.js';
import { number, words } from '../../core/format.js';
import { DataTable } from '../../parts/data_table.js';
import { Section } from '../../parts/page.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';

const RESULTS = { http_error: 'HTTP error', tls_failed: 'TLS failed', dns_failed: 'DNS failed' };
const LEVELS = { succeeded: 'ok', interrupted: 'warning' };

function Answer({ attempt }) {
  if (attempt.response === null) return html`<span class="quiet">${attempt.status_code === null ? 'no answer' : 'an answer without a body'}</span>`;
  if (attempt.response === '') return html`<span class="quiet">an empty body</span>`;
  return html`<details class="raw">
    <summary>Body of the answer</summary>
    <pre tabindex="0">${attempt.response}</pre>
  </details>`;
}

const COLUMNS = [
  { id: 'number', title: 'Attempt', numeric: true, cell: (row) => row.number },
  { id: 'started', title: 'Started', cell: (row) => html`<${Time} at=${row.started_at} />` },
  { id: 'result', title: 'Result', cell: (row) => html`<${Status} kind="check" value=${LEVELS[row.result] ?? 'critical'} label=${RESULTS[row.result] ?? words(row.result)} />` },
  { id: 'status', title: 'Status', numeric: true, cell: (row) => row.status_code ?? '–' },
  { id: 'duration', title: 'Lasted', numeric: true, cell: (row) => `${number(row.duration_ms)} ms` },
  { id: 'detail', title: 'Cause', cell: (row) => row.detail ?? '–' },
  { id: 'answer', title: 'Answer', wide: true, cell: (row) => html`<${Answer} attempt=${row} />` },
];

export function Attempts({ delivery }) {
  const { attempt_list: attempts } = delivery;
  return html`<${Section} title="Attempts">
    ${attempts.length === 0
      ? html`<p class="quiet">${delivery.attempts === 0 ? 'No attempt yet.' : 'The records of the attempts are gone.'}</p>`
      : html`<${DataTable} caption="Attempts" columns=${COLUMNS} rows=${attempts} rowKey=${(row) => row.number} />`}
    ${attempts.length === 100 && html`<p class="quiet">The newest 100 attempts. The first 2 KB of each answer are stored.</p>`}
  <//>`;
}
