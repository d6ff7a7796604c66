// The steps of a group by stage: a step stands one stage after the latest of its upstreams.
import { html } from '../../core/html.js';
import { number } from '../../core/format.js';
import { DataTable } from '../../parts/data_table.js';
import { StepBar } from '../groups/progress.js';

const COLUMNS = [
  { id: 'depth', title: 'Stage', numeric: true, cell: (stage) => number(stage.depth + 1) },
  { id: 'steps', title: 'Steps', numeric: true, sortBy: (stage) => stage.steps, cell: (stage) => number(stage.steps) },
  { id: 'states', title: 'By state', wide: true, cell: (stage) => html`<${StepBar} counts=${stage.counts} total=${stage.steps} label=${`Stage ${stage.depth + 1}`} />` },
];

export function Stages({ group }) {
  return html`
    <p class="quiet">${number(group.steps)} steps are too many for a graph. These are its stages.${!group.is_whole && ' They are counted from 10,000 of the steps.'}</p>
    <${DataTable} caption="Stages" columns=${COLUMNS} rows=${group.stages} rowKey=${(stage) => stage.depth} />
  `;
}
