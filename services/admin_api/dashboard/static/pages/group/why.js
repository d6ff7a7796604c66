// Why a step has its state: its upstreams down to the root causes.
import { html } from '../../core/html.js';
import { usePoll } from '../../core/poll.js';
import { DataTable } from '../../parts/data_table.js';
import { Button } from '../../parts/button.js';
import { Dialog, openDialog } from '../../parts/dialog.js';
import { GroupLink, JobLink } from '../../parts/links.js';
import { Loaded } from '../../parts/states.js';
import { Status } from '../../parts/status.js';

export const openWhy = (group, step) => openDialog((close) => html`<${Why} group=${group} step=${step} close=${close} />`);

const COLUMNS = [
  { id: 'upstream', title: 'Upstream', cell: (row) => html`<${Upstream} row=${row} />` },
  { id: 'state', title: 'State', cell: (row) => html`<${Status} kind=${row.kind} value=${row.state} />${row.is_root && html`<span class="quiet"> root cause</span>`}` },
  { id: 'summary', title: 'Cause', wide: true, cell: (row) => row.summary },
];

function Upstream({ row }) {
  if (row.kind === 'group') return html`<${GroupLink} id=${row.group_id} />`;
  if (row.kind === 'job') return html`<${JobLink} id=${row.job_id} />`;
  return html`step ${row.key} ${row.job_id && html`(<${JobLink} id=${row.job_id} />)`}`;
}

function Why({ group, step, close }) {
  const poll = usePoll(`/api/admin/groups/${group.id}/steps/${encodeURIComponent(step.key)}/explain`, { interval: 5 });
  return html`<${Dialog} wide title=${`Step ${step.key}`} onClose=${() => close(null)} actions=${html`<${Button} kind="primary" onClick=${() => close(null)}>Close<//>`}>
    <${Loaded} poll=${poll} what="step" rows=${4}>
      ${(data) => html`<div class="stack">
        <p><${Status} kind="step" value=${data.state} /></p>
        <p><strong>${data.summary}</strong></p>
        ${data.upstreams.length > 0 && html`<${DataTable} caption="Upstreams" columns=${COLUMNS} rows=${data.upstreams} rowKey=${(row) => row.number} />`}
        ${!data.complete && html`<p class="quiet">There are more upstreams: these are the nearest ones.</p>`}
      </div>`}
    <//>
  <//>`;
}
