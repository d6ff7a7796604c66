// The places of the steps and arrows of a graph: columns by depth, with few crossings of arrows.
import { useMemo } from '../../core/html.js';

export const NODE = { width: 168, height: 44 };
const MARGIN = 8;
const GAP = { x: 56, y: 12 };
const BEND = 6; // the height that an arrow takes in a column that it passes
const MOST_BENDS = 2000; // further arrows are straight, so that the cost stays small
const SWEEPS = 6;

/**
 * Return { nodes: [{ id, step or name }], edges: [{ from, to, hasEnded }] } of the graph of the API. A
 * wait for all other steps has arrows only from the steps for which no other step waits.
 */
export function partsOf(graph, groupId) {
  const nodes = new Map(graph.steps.map((step) => [`step ${step.id}`, { id: `step ${step.id}`, step }]));
  const edges = [];
  const forAll = [];
  for (const wait of graph.waits) {
    const to = `step ${wait.step_id}`;
    if (wait.upstream_group_id === groupId) forAll.push({ to, hasEnded: wait.has_ended });
    else edges.push({ from: upstreamOf(wait), to, hasEnded: wait.has_ended });
  }
  const waitedFor = new Set([...edges.map(({ from }) => from), ...forAll.map(({ to }) => to)]);
  for (const { to, hasEnded } of forAll) {
    for (const id of [...nodes.keys()]) {
      if (!waitedFor.has(id)) edges.push({ from: id, to, hasEnded });
    }
  }
  const known = edges.filter(({ to }) => nodes.has(to));
  for (const { from } of known) if (!nodes.has(from)) nodes.set(from, { id: from, name: from });
  return { nodes: [...nodes.values()], edges: known };
}

function upstreamOf(wait) {
  if (wait.upstream_step_id !== null) return `step ${wait.upstream_step_id}`;
  return wait.upstream_job_id !== null ? `job ${wait.upstream_job_id}` : `group ${wait.upstream_group_id}`;
}

/** Return the columns of items, and the items of each arrow: its ends, and its bends between them. */
function columnsOf({ nodes, edges }) {
  const items = new Map(nodes.map(({ id, step }) => [id, { level: step ? step.depth : Infinity, height: NODE.height, before: [], after: [] }]));
  for (const { from, to } of edges) {
    const item = items.get(from); // a job or a group stands before the first step that waits for it
    if (from.startsWith('step ')) continue;
    item.level = Math.min(item.level, items.get(to).level - 1);
  }
  const first = Math.min(...[...items.values()].map(({ level }) => level));
  const columns = [];
  const add = (item) => (columns[item.level - first] ??= []).push(item);
  for (const item of items.values()) add(item);
  let bends = 0;
  const lines = edges.map(({ from, to }) => {
    const [start, end] = [items.get(from), items.get(to)];
    const line = [start];
    const length = Math.max(0, end.level - start.level - 1);
    bends += length;
    for (let at = 1; at <= length && bends <= MOST_BENDS; at += 1) {
      const bend = { level: start.level + at, height: BEND, before: [], after: [] };
      add(bend);
      line.push(bend);
    }
    line.push(end);
    line.slice(1).forEach((item, at) => {
      item.before.push(line[at]);
      line[at].after.push(item);
    });
    return line;
  });
  return { items, lines, first, columns: columns.filter(Boolean) };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Order each column by the mean place of its neighbours, then move it towards them. */
function arrange(columns) {
  const stack = (column) => {
    let y = 0;
    for (const item of column) {
      item.y = y + item.height / 2;
      y += item.height + GAP.y;
    }
  };
  columns.forEach(stack);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const side = sweep % 2 === 0 ? 'before' : 'after';
    for (const column of side === 'before' ? columns : [...columns].reverse()) {
      for (const item of column) item.wanted = item[side].length > 0 ? mean(item[side].map(({ y }) => y)) : item.y;
      column.sort((a, b) => a.wanted - b.wanted);
      let least = -Infinity;
      for (const item of column) {
        item.y = Math.max(item.wanted, least + item.height / 2);
        least = item.y + item.height / 2 + GAP.y;
      }
      const shift = mean(column.map(({ wanted, y }) => wanted - y));
      for (const item of column) item.y += shift;
    }
  }
}

function pathOf(line, xOf) {
  const [start, ...others] = line;
  let [x, y] = [xOf(start) + NODE.width, start.y];
  const curves = others.map((item) => {
    const isBend = item.height === BEND;
    const middle = (x + xOf(item)) / 2;
    const curve = `C${middle} ${y} ${middle} ${item.y} ${xOf(item)} ${item.y}${isBend ? `h${NODE.width}` : ''}`;
    [x, y] = [xOf(item) + (isBend ? NODE.width : 0), item.y];
    return curve;
  });
  return { path: `M${xOf(start) + NODE.width} ${start.y}${curves.join('')}`, x, y };
}

function placed(parts) {
  const { items, lines, first, columns } = columnsOf(parts);
  arrange(columns);
  const all = columns.flat();
  const top = Math.min(...all.map(({ y, height }) => y - height / 2)) - MARGIN;
  for (const item of all) item.y = Math.round(item.y - top);
  const xOf = ({ level }) => MARGIN + (level - first) * (NODE.width + GAP.x);
  return {
    width: Math.max(...all.map(xOf)) + NODE.width + MARGIN,
    height: Math.max(...all.map(({ y, height }) => y + height / 2)) + MARGIN,
    places: new Map([...items].map(([id, item]) => [id, { x: xOf(item), y: item.y - NODE.height / 2 }])),
    lines: new Map(parts.edges.map(({ from, to }, at) => [`${from}>${to}`, pathOf(lines[at], xOf)])),
  };
}

/** Return the layout. It changes with the shape of the graph, not with the states of its steps. */
export function useLayout(parts) {
  const shape = JSON.stringify([parts.nodes.map(({ id }) => id), parts.edges.map(({ from, to }) => [from, to])]);
  return useMemo(() => placed(parts), [shape]);
}
