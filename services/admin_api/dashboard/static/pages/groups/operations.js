// Large changes of groups: workers make them in chunks, and this list shows their progress.
import { html } from '../../core/html.js';
import { plural, title, words } from '../../core/format.js';
import { usePoll } from '../../core/poll.js';
import { DataTable } from '../../parts/data_table.js';
import { GroupLink } from '../../parts/links.js';
import { Section } from '../../parts/page.js';
import { Progress } from '../../parts/progress.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';

const SHOWN = 10;
const isOfGroup = (operation) => operation.resource_type === 'job_group';
const countsOf = (operation) =>
  Object.entries(operation.counts).map(([result, count]) => `${words(result)} ${count}`).join(', ') || '–';

const COLUMNS = [
  { id: 'kind', title: 'Change', cell: (row) => title(row.kind) },
  { id: 'group', title: 'Of', cell: (row) => html`<${GroupLink} id=${row.resource_id} />` },
  { id: 'state', title: 'State', cell: (row) => html`<${Status} kind="operation" value=${row.state} note=${row.error_count > 0 && plural(row.error_count, 'error')} />` },
  { id: 'progress', title: 'Steps', wide: true, cell: (row) => html`<${Progress} label="Steps" done=${row.done} total=${row.total} />` },
  { id: 'counts', title: 'Results', cell: countsOf },
  { id: 'by', title: 'By', cell: (row) => row.created_by },
  { id: 'changed', title: 'Last progress', cell: (row) => html`<${Time} at=${row.changed_at} kind="relative" />` },
];

export function Operations() {
  const poll = usePoll('/api/admin/operations', { query: { limit: 50 }, interval: 5, background: true });
  const rows = (poll.data?.items ?? []).filter(isOfGroup).slice(0, SHOWN);
  if (rows.length === 0) return null;
  return html`<${Section} title="Large changes">
    <p class="quiet">A change of more than 1,000 steps is made by workers in chunks. It continues after a restart.</p>
    <${DataTable} caption="Large changes" columns=${COLUMNS} rows=${rows} />
  <//>`;
}

/** The unfinished large change of one group. */
export function OperationNote({ operation }) {
  if (!operation) return null;
  return html`<div class="note tone-accent" role="status">
    <span>${title(operation.kind)} by ${operation.created_by}, ${words(operation.state)}:</span>
    <${Progress} label=${title(operation.kind)} done=${operation.done} total=${operation.total} />
    <span>${countsOf(operation)}. Until its end, other changes of many steps are refused.</span>
  </div>`;
}
