// The places of the steps and arrows of a graph, by dagre. dagre is loaded with the first graph.
import { useEffect, useState } from '../../core/html.js';

export const NODE = { width: 168, height: 44 };
const MARGIN = 8;
let library = null;

const loadLibrary = () => (library ??= import('../../vendor/dagre.js').then((module) => module.default));

/**
 * Return { nodes: [{ id, step or name }], edges: [{ from, to, hasEnded }] } of the graph of the
 * API. A wait for all other steps has arrows only from the steps for which no other step waits.
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
    for (const { id, step } of [...nodes.values()]) {
      if (step && !waitedFor.has(id)) edges.push({ from: id, to, hasEnded });
    }
  }
  for (const { from } of edges) if (!nodes.has(from)) nodes.set(from, { id: from, name: from });
  return { nodes: [...nodes.values()], edges: edges.filter(({ to }) => nodes.has(to)) };
}

function upstreamOf(wait) {
  if (wait.upstream_step_id !== null) return `step ${wait.upstream_step_id}`;
  return wait.upstream_job_id !== null ? `job ${wait.upstream_job_id}` : `group ${wait.upstream_group_id}`;
}

function placed(dagre, { nodes, edges }) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 12, ranksep: 40, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of nodes) graph.setNode(id, { ...NODE });
  for (const { from, to } of edges) graph.setEdge(from, to);
  dagre.layout(graph);
  const { width, height } = graph.graph();
  const places = new Map(nodes.map(({ id }) => [id, graph.node(id)]));
  const lines = new Map(edges.map(({ from, to }) => [`${from}>${to}`, pathOf(places.get(from), places.get(to), graph.edge(from, to).points)]));
  return { width: Math.ceil(width), height: Math.ceil(height), places, lines };
}

const SHORT = 3; // points of an arrow between neighbouring columns

/** Return { path, x, y }: a line from the right side of a box to the left side of another, and its end. */
function pathOf(from, to, points) {
  const start = { x: from.x + NODE.width / 2, y: from.y };
  const end = { x: to.x - NODE.width / 2, y: to.y };
  const between = points.length > SHORT ? points.slice(1, -1).filter(({ x }) => x > start.x && x < end.x) : [];
  let last = start;
  const curves = [...between, end].map((point) => {
    const middle = (last.x + point.x) / 2;
    const curve = `C${middle} ${last.y} ${middle} ${point.y} ${point.x} ${point.y}`;
    last = point;
    return curve;
  });
  return { path: `M${start.x} ${start.y}${curves.join('')}`, x: end.x, y: end.y };
}

/** Return the layout, or null before it is there. It changes with the shape, not with the states. */
export function useLayout(parts) {
  const [layout, setLayout] = useState(null);
  const shape = JSON.stringify([parts.nodes.map(({ id }) => id), parts.edges.map(({ from, to }) => [from, to])]);
  useEffect(() => {
    let isOver = false;
    loadLibrary().then((dagre) => !isOver && setLayout({ shape, ...placed(dagre, parts) }));
    return () => {
      isOver = true;
    };
  }, [shape]);
  return layout?.shape === shape ? layout : null;
}
