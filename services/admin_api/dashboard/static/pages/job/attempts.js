// The attempts of a job as bars on one time line, and as a table with their errors.
import { html } from '../../core/html.js';
import { useNow } from '../../core/clock.js';
import { duration, plural, words } from '../../core/format.js';
import { Section } from '../../parts/page.js';
import { DataTable } from '../../parts/data_table.js';
import { Time } from '../../parts/time.js';

const WIDTH = 1000;
const ROW = 14;
const NARROWEST = 4; // a bar of a short attempt stays visible
const TONES = { succeeded: 'good', failed: 'bad', lost: 'bad', rescued: 'bad', crawling: 'accent' };

const toneOf = (outcome) => TONES[outcome] ?? 'warn';
const secondsOf = (row) => (Date.parse(row.ended_at) - Date.parse(row.first_started_at ?? row.started_at)) / 1000;

const COLUMNS = [
  { id: 'started', title: 'Started', cell: (row) => html`<${Time} at=${row.first_started_at ?? row.started_at} />` },
  { id: 'length', title: 'Lasted', numeric: true, sortBy: secondsOf, cell: (row) => duration(secondsOf(row)) },
  { id: 'outcome', title: 'Ended', cell: (row) => html`<span class=${`tone-${toneOf(row.outcome)} outcome`}>${words(row.outcome)}${row.times > 1 ? ` (${row.times} times)` : ''}</span>` },
  { id: 'worker', title: 'Worker', cell: (row) => row.worker },
  { id: 'error', title: 'Error', wide: true, cell: (row) => (row.error_message ? `${words(row.error_kind)}: ${row.error_message}` : '–') },
];

/** Bars from the creation of the job to its end, or to now. The table below has the same facts. */
function TimeLine({ job, bars }) {
  const now = useNow(5);
  const begin = Date.parse(job.created_at);
  const end = job.finished_at ? Date.parse(job.finished_at) : now;
  const place = (at) => Math.min(1, Math.max(0, (Date.parse(at) - begin) / Math.max(1, end - begin))) * WIDTH;
  return html`<figure class="time-line">
    <svg viewBox=${`0 0 ${WIDTH} ${ROW}`} preserveAspectRatio="none" role="img"
      aria-label=${`${plural(bars.length, 'attempt')} between the request and ${job.finished_at ? 'the end' : 'now'}`}>
      <rect class="bar-ground" width=${WIDTH} height=${ROW} />
      ${bars.map((bar) => {
        const from = place(bar.from);
        const width = Math.max(NARROWEST, (bar.to ? place(bar.to) : WIDTH) - from);
        return html`<rect key=${bar.id} class=${`bar-part tone-${bar.tone}`} x=${Math.min(from, WIDTH - width)} width=${width} height=${ROW}><title>${bar.text}</title></rect>`;
      })}
    </svg>
    <figcaption class="ends">
      <span>requested <${Time} at=${job.created_at} kind="absolute" /></span>
      <span>${job.finished_at ? html`ended <${Time} at=${job.finished_at} kind="absolute" />` : 'now'}</span>
    </figcaption>
  </figure>`;
}

export function Attempts({ job }) {
  const bars = job.attempts.map((row) => ({
    id: row.id,
    from: row.first_started_at ?? row.started_at,
    to: row.ended_at,
    tone: toneOf(row.outcome),
    text: `${words(row.outcome)}, ${duration(secondsOf(row))}, ${row.worker}`,
  }));
  if (job.claimed_at) bars.push({ id: 'present', from: job.claimed_at, to: null, tone: 'accent', text: `running, ${job.claimed_by}` });
  return html`<${Section} title="Attempts">
    ${bars.length === 0
      ? html`<p class="quiet">No worker has claimed the job yet.</p>`
      : html`<${TimeLine} job=${job} bars=${bars} />`}
    ${job.attempts.length > 0 && html`<${DataTable} caption="Attempts" columns=${COLUMNS} rows=${job.attempts} />`}
  <//>`;
}
