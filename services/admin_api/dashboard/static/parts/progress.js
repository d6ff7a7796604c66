// Bars of progress, as SVG, with their numbers as text.
import { html } from '../core/html.js';
import { number, percent } from '../core/format.js';
import { Time } from './time.js';

const WIDTH = 100;

/** Progress of one thing. Without a total the bar is striped and only the number is known. */
export function Progress({ done, total, label, eta }) {
  const isKnown = total !== null && total !== undefined && total > 0;
  const share = isKnown ? Math.min(1, done / total) : 0;
  const text = isKnown ? `${number(done)} of ${number(total)}` : number(done);
  return html`<span class="progress">
    <svg class=${`bar ${isKnown ? '' : 'unknown'}`} viewBox="0 0 100 8" preserveAspectRatio="none" role="img"
      aria-label=${`${label ?? 'Progress'}: ${isKnown ? percent(share) : text}`}>
      <rect class="bar-ground" width="100" height="8" />
      <rect class="bar-done" width=${share * WIDTH} height="8" />
    </svg>
    <span class="progress-text">${text}${eta && html`, <${Time} at=${eta} kind="relative" />`}</span>
  </span>`;
}

/** A bar in parts: [{ label, value, tone }], with a legend that names each number. */
export function Parts({ parts, total, label, legend = true }) {
  const whole = total ?? parts.reduce((sum, part) => sum + part.value, 0);
  let at = 0;
  const placed = parts.map((part) => {
    const width = whole > 0 ? (part.value / whole) * WIDTH : 0;
    at += width;
    return { ...part, width, left: at - width };
  });
  const text = parts.map((part) => `${part.label} ${number(part.value)}`).join(', ');
  return html`<div class="parts">
    <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=${`${label ?? 'Parts'}: ${text}`}>
      <rect class="bar-ground" width="100" height="8" />
      ${placed.map(
        (part) => html`<rect key=${part.label} class=${`bar-part tone-${part.tone ?? 'accent'}`} x=${part.left} width=${part.width} height="8" />`,
      )}
    </svg>
    ${legend &&
    html`<ul class="legend">
      ${parts.map(
        (part) => html`<li key=${part.label} class=${`tone-${part.tone ?? 'accent'}`}>
          <span class="swatch" aria-hidden="true" />${part.label} <strong>${number(part.value)}</strong>
        </li>`,
      )}
    </ul>`}
  </div>`;
}
