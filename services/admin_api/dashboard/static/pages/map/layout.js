// The places of the subreddits: forces pull linked ones together, in a bounded number of steps.
// Equal data gives equal places. The steps run in slices, so that the page stays usable.
import { useEffect, useState } from '../../core/html.js';

const STEPS = 240;
const STEPS_OF_MANY = 120; // above MANY subreddits
const MANY = 400;
const SLICE_MS = 12;

let library = null;
const loadLibrary = () => (library ??= import('../../vendor/d3-force.js'));

/** Return the radius of a subreddit: its area grows with the subscribers, or with the known authors. */
function radiusOf(node, largest) {
  const share = Math.sqrt((node.subscribers ?? node.authors ?? 0) / Math.max(1, largest));
  return 4 + 14 * Math.min(1, share);
}

const largestOf = (nodes) => Math.max(1, ...nodes.map((node) => node.subscribers ?? node.authors ?? 0));

/** Return a Map of id to [x, y, radius]; null while the places are computed. */
export function useLayout({ nodes, links }) {
  const shape = JSON.stringify([nodes.map(({ id }) => id), links.map(({ a, b, weight }) => [a, b, weight])]);
  const [state, setState] = useState({ shape: null, places: null });
  useEffect(() => {
    let isOver = false;
    let timer = 0;
    loadLibrary().then((force) => {
      if (isOver) return;
      const simulation = simulationOf(force, nodes, links);
      const steps = nodes.length > MANY ? STEPS_OF_MANY : STEPS;
      let done = 0;
      const run = () => {
        const until = performance.now() + SLICE_MS;
        while (done < steps && performance.now() < until) {
          simulation.tick();
          done += 1;
        }
        if (done < steps) {
          timer = setTimeout(run, 0);
          return;
        }
        setState({ shape, places: new Map(simulation.nodes().map(({ id, x, y, radius }) => [id, [x, y, radius]])) });
      };
      run();
    });
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [shape]);
  return state.shape === shape ? state.places : null;
}

function simulationOf(force, nodes, links) {
  const largest = largestOf(nodes);
  const strongest = Math.max(...links.map(({ weight }) => weight), 1e-9);
  const bodies = nodes.map((node) => ({ id: node.id, radius: radiusOf(node, largest) }));
  const springs = links.map(({ a, b, weight }) => ({ source: a, target: b, weight: weight / strongest }));
  return force
    .forceSimulation(bodies)
    .alphaDecay(1 - 0.001 ** (1 / (nodes.length > MANY ? STEPS_OF_MANY : STEPS)))
    .force('links', force.forceLink(springs).id(({ id }) => id).distance(({ weight }) => 110 - 70 * weight))
    .force('apart', force.forceManyBody().strength(-160).distanceMax(500))
    .force('sizes', force.forceCollide(({ radius }) => radius + 6))
    .force('x', force.forceX(0).strength(0.04))
    .force('y', force.forceY(0).strength(0.11))
    .stop();
}
