// The graph of the map, as SVG: links, subreddits by size and colour, names of the largest ones. The mouse
// moves and enlarges it and selects subreddits; the table below has the same for the keyboard.
import { html, useLayoutEffect, useMemo, useRef, useState } from '../../core/html.js';
import { plural } from '../../core/format.js';
import { Button } from '../../parts/button.js';
import { useLayout } from './layout.js';

const HEIGHT = 520;
const HEIGHT_OF_PHONE = 380;
const NAMES = 60; // of the largest subreddits, where there is room; those found, selected or on the path always have one
const LETTER = 6.7; // the usual width of a letter of a name, in pixels
const LINE = 15;
const EDGE = 46; // pixels around the graph, for names
const ZOOM = 1.5;
const ZOOM_MAX = 12;
const DRAG_PX = 4; // a shorter movement is a click

/** Fit the places into a window of this width and height. Return a Map of id to { x, y, r }. */
function fitted(places, width, height) {
  const all = [...places.values()];
  const [left, right] = [Math.min(...all.map(([x]) => x)), Math.max(...all.map(([x]) => x))];
  const [top, bottom] = [Math.min(...all.map(([, y]) => y)), Math.max(...all.map(([, y]) => y))];
  const scale = Math.min((width - 2 * EDGE) / Math.max(1, right - left), (height - 2 * EDGE) / Math.max(1, bottom - top), 2.5);
  const [centreX, centreY] = [(left + right) / 2, (top + bottom) / 2];
  return new Map(
    [...places].map(([id, [x, y, radius]]) => [
      id,
      { x: width / 2 + (x - centreX) * scale, y: height / 2 + (y - centreY) * scale, r: Math.max(3, radius * Math.min(1, scale)) },
    ]),
  );
}

function useWidth(element) {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return width;
}

/** The visible part of the graph: { x, y, zoom }, moved by dragging. */
function useView(width, height) {
  const [view, setView] = useState({ x: 0, y: 0, zoom: 1 });
  const drag = useRef(null);
  const enlarge = (factor) =>
    setView(({ x, y, zoom }) => {
      const next = Math.min(ZOOM_MAX, Math.max(1, zoom * factor));
      const move = (size) => (size / zoom - size / next) / 2;
      return next === 1 ? { x: 0, y: 0, zoom: 1 } : { x: x + move(width), y: y + move(height), zoom: next };
    });
  const handlers = {
    onPointerDown: (event) => {
      if (event.button === 0) drag.current = { x: event.clientX, y: event.clientY, view, isMoved: false };
    },
    onPointerMove: (event) => {
      const from = drag.current;
      if (!from || event.buttons !== 1) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (Math.abs(dx) + Math.abs(dy) < DRAG_PX && !from.isMoved) return;
      from.isMoved = true;
      setView({ ...from.view, x: from.view.x - dx / from.view.zoom, y: from.view.y - dy / from.view.zoom });
    },
  };
  return { view, enlarge, reset: () => setView({ x: 0, y: 0, zoom: 1 }), handlers, wasMoved: () => drag.current?.isMoved ?? false };
}

export function Graph({ data, index, colours, chosen, toggle, found, around, path }) {
  const frame = useRef(null);
  const width = useWidth(frame);
  const height = width < 600 ? HEIGHT_OF_PHONE : HEIGHT;
  const places = useLayout(data);
  const at = useMemo(() => (places && width > 0 ? fitted(places, width, height) : null), [places, width, height]);
  const { view, enlarge, reset, handlers, wasMoved } = useView(width, height);
  const choose = (event) => {
    const id = event.target.closest?.('[data-node]')?.dataset.node;
    if (id && !wasMoved()) toggle(Number(id));
  };
  const label = `Map of ${plural(data.nodes.length, 'subreddit')} and ${plural(data.links.length, 'link')}. The table below has the same.`;
  return html`<div class="map-frame" ref=${frame}>
    ${at === null
      ? html`<p class="map-wait quiet" role="status">The map is being arranged.</p>`
      : html`<svg class="map" width=${width} height=${height} role="img" aria-label=${label}
          viewBox=${`${view.x} ${view.y} ${width / view.zoom} ${height / view.zoom}`} onClick=${choose} ...${handlers}>
          <${Links} data=${data} at=${at} path=${path} zoom=${view.zoom} />
          <${Nodes} data=${data} index=${index} at=${at} colours=${colours} chosen=${chosen} found=${found} around=${around} path=${path} zoom=${view.zoom} />
        </svg>`}
    <div class="map-tools">
      <${Button} kind="small" aria-label="Enlarge the map" onClick=${() => enlarge(ZOOM)}>+<//>
      <${Button} kind="small" aria-label="Shrink the map" onClick=${() => enlarge(1 / ZOOM)}>−<//>
      <${Button} kind="small" onClick=${reset}>Whole map<//>
    </div>
    <${Legend} colours=${colours} />
  </div>`;
}

function Links({ data, at, path, zoom }) {
  const steps = new Set((path ?? []).slice(1).map((id, step) => [path[step], id].sort((a, b) => a - b).join(' ')));
  return data.links.map(({ a, b, weight }) => {
    const [from, to] = [at.get(a), at.get(b)];
    const isStep = steps.has([a, b].sort((one, other) => one - other).join(' '));
    return html`<line key=${`${a} ${b}`} class=${isStep ? 'map-link on-path' : 'map-link'} x1=${from.x} y1=${from.y} x2=${to.x} y2=${to.y}
      stroke-width=${(isStep ? 3 : 0.6 + 2 * weight) / zoom} />`;
  });
}

/** Return the largest subreddits whose names cover no other name. A larger zoom has room for more names. */
function withRoom(nodes, at, zoom) {
  const taken = [];
  for (const node of nodes.slice(0, Math.round(NAMES * zoom))) {
    const { x, y } = at.get(node.id);
    const half = (node.name.length * LETTER) / zoom / 2;
    const isFree = taken.every((one) => Math.abs(one.x - x) > one.half + half || Math.abs(one.y - y) > LINE / zoom);
    if (isFree) taken.push({ node, x, y, half });
  }
  return taken.map(({ node }) => node);
}

function Nodes({ data, index, at, colours, chosen, found, around, path, zoom }) {
  const marked = new Set([...chosen, ...(path ?? [])]);
  const isFound = (node) => found?.has(node.id) || node.name.toLowerCase() === around?.toLowerCase();
  const nodes = [...data.nodes].sort((a, b) => at.get(b.id).r - at.get(a.id).r); // small ones in front
  const isWanted = (node) => marked.has(node.id) || isFound(node);
  const names = [...nodes.filter(isWanted), ...withRoom(nodes.filter((node) => !isWanted(node)), at, zoom)];
  return html`<g>
    ${nodes.map((node) => {
      const { x, y, r } = at.get(node.id);
      const look = [marked.has(node.id) && 'is-chosen', isFound(node) && 'is-found', found && !isFound(node) && 'is-dim'].filter(Boolean).join(' ');
      return html`<circle key=${node.id} data-node=${node.id} class=${`map-node ${colours.of(node).look} ${look}`} cx=${x} cy=${y}
        r=${r / Math.sqrt(zoom)} stroke-width=${(look.includes('is-chosen') || look.includes('is-found') ? 3 : 1) / zoom}>
        <title>${`r/${node.name}: ${colours.of(node).label}, ${plural(index.linksOf(node.id).length, 'link')}`}</title>
      </circle>`;
    })}
    ${names.map((node) => {
      const { x, y, r } = at.get(node.id);
      return html`<text key=${node.id} class=${`map-name ${found && !isFound(node) ? 'is-dim' : ''}`} x=${x} y=${y - r / Math.sqrt(zoom) - 3 / zoom}
        font-size=${12 / zoom} stroke-width=${3 / zoom}>${node.name}</text>`;
    })}
  </g>`;
}

const Legend = ({ colours }) => html`<ul class="legend">
  ${colours.legend.map(({ key, label, look, count }) => html`<li key=${key} class=${look}>
    <span class="swatch" aria-hidden="true" />${label} <strong>${count}</strong>
  </li>`)}
</ul>`;
