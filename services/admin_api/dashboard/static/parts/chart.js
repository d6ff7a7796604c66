// Charts: uPlot with the colours of the theme, and a table with the same numbers.
import { html, useEffect, useId, useRef, useState } from '../core/html.js';
import { number, shortNumber } from '../core/format.js';
import { useSettings } from '../core/settings.js';
import { absolute } from './time.js';

export { Sparkline, Strip } from './sparkline.js';

const HEIGHT = 180;
const ROWS_OF_TWIN = 60; // the table shows this many of the newest points
let library = null; // the module of uPlot, loaded with the first chart

const loadLibrary = () =>
  (library ??= Promise.all([import('../vendor/uplot.js'), loadStyle()]).then(([module]) => module.default));

/** Load the style of uPlot. Without it a chart is drawn too, though at a wrong place. */
function loadStyle() {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = new URL('../vendor/uplot.css', import.meta.url).href;
  return new Promise((resolve) => {
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
}

/**
 * times: seconds since 1970, ascending. series: [{ label, values, tone, unit }]; null is a gap.
 * kind: line, area or bars.
 */
export function Chart({ title, times, series, kind = 'line', height = HEIGHT }) {
  const id = useId();
  const place = useRef(null);
  const plot = useRef(null);
  const { theme, zone } = useSettings();
  const shape = JSON.stringify([kind, height, theme, zone, series.map(({ label, tone, unit }) => [label, tone, unit])]);
  const isEmpty = times.length === 0;
  useEffect(() => {
    if (isEmpty) return undefined;
    let isOver = false;
    loadLibrary().then((UPlot) => {
      if (isOver) return;
      const width = place.current.clientWidth;
      plot.current = new UPlot(optionsOf({ UPlot, series, kind, zone, width, height }), dataOf(times, series), place.current);
      // uPlot draws on a canvas; the table below has the numbers for screen readers.
      plot.current.root.setAttribute('aria-hidden', 'true');
    });
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (plot.current && width > 0 && width !== plot.current.width) plot.current.setSize({ width, height });
    });
    observer.observe(place.current);
    return () => {
      isOver = true;
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, isEmpty]);
  useEffect(() => plot.current?.setData(dataOf(times, series)), [times, series]);
  return html`<figure class="chart" aria-labelledby=${id}>
    <figcaption id=${id}>${title}</figcaption>
    ${isEmpty
      ? html`<p class="quiet chart-none">No data in this range yet.</p>`
      : html`<div class=${`chart-place h${height}`} ref=${place} />
          <${Legend} series=${series} />
          <${Twin} title=${title} times=${times} series=${series} zone=${zone} />`}
  </figure>`;
}

const dataOf = (times, series) => [times, ...series.map(({ values }) => values)];
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const toneColour = (tone) => colour({ neutral: 'text' }[tone] ?? tone ?? 'accent');

const DAY = 86_400;

/** Return 12:00, or a date for steps of days. The first time of a day has its date below it. */
function tickText(seconds, at, step, zone) {
  const [date, time] = absolute(seconds * 1000, zone).split(' ');
  if (step >= DAY) return date.slice(5);
  return at === 0 || time.startsWith('00:00') ? `${time.slice(0, 5)}\n${date.slice(5)}` : time.slice(0, 5);
}

function optionsOf({ UPlot, series, kind, zone, width, height }) {
  const axis = {
    stroke: colour('muted'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  };
  const bars = kind === 'bars' ? UPlot.paths.bars({ size: [0.8, 40] }) : undefined;
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    tzDate: (seconds) => (zone === 'local' ? new Date(seconds * 1000) : UPlot.tzDate(new Date(seconds * 1000), zone)),
    scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(1, (high ?? 1) * 1.05)] } },
    axes: [{ ...axis, values: (_, ticks, __, ___, step) => ticks.map((tick, at) => tickText(tick, at, step, zone)) }, { ...axis, size: 44, values: (_, ticks) => ticks.map((tick) => shortNumber(tick)) }],
    series: [
      {},
      ...series.map(({ label, tone }) => ({
        label,
        stroke: toneColour(tone),
        width: 1.5,
        paths: bars,
        fill: kind === 'line' ? undefined : `${toneColour(tone)}33`,
        points: { show: false },
      })),
    ],
  };
}

const Legend = ({ series }) => html`<ul class="legend">
  ${series.map(({ label, tone = 'accent', values, unit }) => {
    const newest = values.findLast((value) => value !== null && value !== undefined);
    return html`<li key=${label} class=${`tone-${tone}`}>
      <span class="swatch" aria-hidden="true" />${label} <strong>${number(newest)}${unit ? ` ${unit}` : ''}</strong>
    </li>`;
  })}
</ul>`;

function Twin({ title, times, series, zone }) {
  const [isOpen, setOpen] = useState(false);
  const from = Math.max(0, times.length - ROWS_OF_TWIN);
  return html`<details class="twin" onToggle=${(event) => setOpen(event.target.open)}>
    <summary>Table</summary>
    ${isOpen &&
    html`<div class="twin-scroll" tabindex="0" role="region" aria-label=${`${title}: table`}>
      <table class="table plain">
        <thead><tr><th scope="col">Time</th>${series.map(({ label }) => html`<th scope="col" class="numeric" key=${label}>${label}</th>`)}</tr></thead>
        <tbody>
          ${times.slice(from).map((time, at) => html`<tr key=${time}>
            <th scope="row">${absolute(time * 1000, zone)}</th>
            ${series.map(({ label, values }) => html`<td class="numeric" key=${label}>${number(values[from + at])}</td>`)}
          </tr>`).reverse()}
        </tbody>
      </table>
    </div>`}
  </details>`;
}
