// The graph of a group: its steps and their waits, with a table twin. A large group shows stages.
import { html, useRef, useState } from '../../core/html.js';
import { clip, words } from '../../core/format.js';
import { navigate } from '../../core/router.js';
import { DataTable } from '../../parts/data_table.js';
import { Status, toneOf } from '../../parts/status.js';
import { NODE, partsOf, useLayout } from './graph_layout.js';
import { Stages } from './stages.js';
import { openWhy } from './why.js';

const LETTERS = 21; // of a key in its box
const ARROW = 6;
const ids = (edges, from, to) => edges.filter((edge) => edge[from] === to);

export function Graph({ group }) {
  if (group.steps === 0) return html`<p class="quiet">The group has no steps yet.</p>`;
  if (group.graph === null) return html`<${Stages} group=${group} />`;
  const parts = partsOf(group.graph, group.id);
  return html`<${Drawing} group=${group} parts=${parts} />
    ${!group.graph.has_all_waits && html`<p class="quiet">The first 1,500 waits are shown.</p>`}
    <${Twin} group=${group} parts=${parts} />`;
}

function Drawing({ group, parts }) {
  const layout = useLayout(parts);
  const [chosen, setChosen] = useState(null);
  const frame = useRef(null);
  const active = parts.nodes.some(({ id }) => id === chosen) ? chosen : parts.nodes[0].id;
  const focus = (id) => {
    setChosen(id);
    const node = [...frame.current.querySelectorAll('[data-node]')].find((one) => one.dataset.node === id);
    node?.focus();
    node?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  };
  const open = (node) => (node.step ? openWhy(group, node.step) : navigate(`/ui/${node.name.replace(' ', 's/')}`));
  const press = (event, node) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter' || event.key === ' ') open(node);
    else {
      const next = neighbour(event.key, node.id, parts, layout);
      if (next === undefined) return;
      if (next !== null) focus(next);
    }
    event.preventDefault();
  };
  return html`<p class="quiet">Arrow keys go from step to step, Enter says why a step has its state. A dashed arrow is a wait that has ended.</p>
    <div class="graph" ref=${frame}>
      <svg width=${layout.width} height=${layout.height} viewBox=${`0 0 ${layout.width} ${layout.height}`} role="group" aria-label="Graph of the steps">
        ${parts.edges.map(({ from, to, hasEnded, isAll }) => html`<${Edge} key=${`${from}>${to}`} line=${layout.lines.get(`${from}>${to}`)} look=${hasEnded ? 'ended' : ''} />`)}
        ${parts.nodes.map((node) => html`<${Node} key=${node.id} node=${node} place=${layout.places.get(node.id)} label=${labelOf(node, parts)}
          isActive=${node.id === active} press=${(event) => press(event, node)} open=${() => open(node)} />`)}
      </svg>
    </div>`;
}

/** Return the id of the next node, null if there is none, undefined for other keys. */
function neighbour(key, id, { edges }, { places }) {
  if (key === 'ArrowRight') return ids(edges, 'from', id)[0]?.to ?? null;
  if (key === 'ArrowLeft') return ids(edges, 'to', id)[0]?.from ?? null;
  if (!['ArrowDown', 'ArrowUp', 'Home', 'End'].includes(key)) return undefined;
  const all = [...places].sort(([, a], [, b]) => a.x - b.x || a.y - b.y).map(([each]) => each);
  if (key === 'Home') return all[0];
  if (key === 'End') return all.at(-1);
  return all[all.indexOf(id) + (key === 'ArrowDown' ? 1 : -1)] ?? null;
}

const titleOf = ({ step, name }) => (step ? step.key : name);
const upstreamsOf = (id, { nodes, edges }) =>
  ids(edges, 'to', id).map(({ from }) => titleOf(nodes.find((node) => node.id === from)));

function labelOf(node, parts) {
  if (!node.step) return `${node.name}, outside of the group`;
  const after = upstreamsOf(node.id, parts);
  return `${node.step.key}, ${words(node.step.state)}${after.length > 0 ? `, after ${after.slice(0, 5).join(', ')}${after.length > 5 ? ` and ${after.length - 5} more` : ''}` : ''}`;
}

function Node({ node, place, label, isActive, press, open }) {
  const { step } = node;
  const tone = step ? toneOf('step', step.state) : 'muted';
  return html`<g class=${`node tone-${tone} ${step ? '' : 'outside'}`} transform=${`translate(${place.x} ${place.y})`} role="button" tabindex=${isActive ? 0 : -1}
    data-node=${node.id} onKeyDown=${press} onClick=${open}>
    <title>${label}</title>
    <rect width=${NODE.width} height=${NODE.height} rx="5" />
    <rect class="node-side" width="5" height=${NODE.height} rx="2" />
    <text x="14" y="18" class="node-key">${clip(titleOf(node), LETTERS)}</text>
    <text x="14" y="35" class="node-state">${step ? words(step.state) : 'outside of the group'}</text>
  </g>`;
}

const Edge = ({ line, look }) => html`<g class=${`edge ${look}`} aria-hidden="true">
  <path d=${line.path} />
  <path class="edge-head" d=${`M${line.x} ${line.y}l${-ARROW} ${-ARROW / 2}v${ARROW}z`} />
</g>`;

function Twin({ group, parts }) {
  const [isOpen, setOpen] = useState(false);
  const columns = [
    { id: 'key', title: 'Step', sortBy: ({ step }) => step.key, cell: ({ step }) => step.key },
    { id: 'state', title: 'State', sortBy: ({ step }) => step.state, cell: ({ step }) => html`<${Status} kind="step" value=${step.state} />` },
    { id: 'depth', title: 'Stage', numeric: true, sortBy: ({ step }) => step.depth, cell: ({ step }) => step.depth + 1 },
    { id: 'after', title: 'After', wide: true, cell: (node) => upstreamsOf(node.id, parts).join(', ') || '–' },
  ];
  return html`<details class="twin" onToggle=${(event) => setOpen(event.target.open)}>
    <summary>Table</summary>
    ${isOpen && html`<${DataTable} caption=${`Graph of group ${group.id}`} columns=${columns} rows=${parts.nodes.filter(({ step }) => step)} />`}
  </details>`;
}
