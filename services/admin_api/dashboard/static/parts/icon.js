// Small pictures beside words. They repeat the words, so screen readers skip them.
import { html } from '../core/html.js';

const SHAPES = {
  check: 'M3.5 8.5l3 3 6-7',
  cross: 'M4 4l8 8M12 4l-8 8',
  clock: 'M8 4.5V8l2.5 1.5M8 1.8a6.2 6.2 0 100 12.4A6.2 6.2 0 008 1.8z',
  play: 'M5 3.5v9l7-4.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  stop: 'M4.5 4.5h7v7h-7z',
  dot: 'M8 6.5a1.5 1.5 0 100 3 1.5 1.5 0 000-3z',
  ring: 'M8 3.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9z',
  slash: 'M3.8 3.8l8.4 8.4M8 1.8a6.2 6.2 0 100 12.4A6.2 6.2 0 008 1.8z',
  warn: 'M8 2.2L1.6 13.4h12.8zM8 6.5v3M8 11.4v.2',
  skip: 'M3.5 4l5 4-5 4zM11.5 4v8',
  lock: 'M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 015 0v2.5',
  search: 'M7 2.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9zM10.5 10.5L14 14',
  menu: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  down: 'M4 6l4 4 4-4',
  up: 'M4 10l4-4 4 4',
  left: 'M10 3.5L5.5 8l4.5 4.5',
  right: 'M6 3.5L10.5 8 6 12.5',
  more: 'M3 8h.1M8 8h.1M13 8h.1',
  sun: 'M8 5.2a2.8 2.8 0 100 5.6 2.8 2.8 0 000-5.6zM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.1 1.1M11.9 11.9L13 13M13 3l-1.1 1.1M4.1 11.9L3 13',
  refresh: 'M13 8a5 5 0 11-1.6-3.7M13 2v3h-3',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  link: 'M6.5 9.5l3-3M7 4.5l1.2-1.2a3 3 0 014.5 4.4L11.5 9M9 11.5l-1.2 1.2a3 3 0 01-4.5-4.4L4.5 7',
  key: 'M5.5 5a3 3 0 100 6 3 3 0 000-6zM8.5 8H14v2.5M11.5 8v2',
};

export function Icon({ name, class: extra = '' }) {
  return html`<svg class=${`icon icon-${name} ${extra}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <path d=${SHAPES[name] ?? SHAPES.dot} />
  </svg>`;
}
