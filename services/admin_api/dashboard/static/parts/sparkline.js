// Small figures in SVG: a line of a few numbers, and a strip of parts.
import { html } from '../core/html.js';
import { number, percent } from '../core/format.js';

/** A line of numbers without axes. Its text names the first, the highest and the last one. */
export function Sparkline({ values, label, tone = 'accent', width = 120, height = 24 }) {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (known.length < 2) return html`<span class="quiet">–</span>`;
  const high = Math.max(...known, 1);
  const step = width / (values.length - 1);
  const y = (value) => height - 1 - (value / high) * (height - 2);
  const points = values
    .map((value, at) => (value === null || value === undefined ? null : `${(at * step).toFixed(1)},${y(value).toFixed(1)}`))
    .filter(Boolean)
    .join(' ');
  const text = `${label}: from ${number(known[0])} to ${number(known[known.length - 1])}, at most ${number(Math.max(...known))}`;
  return html`<svg class=${`sparkline tone-${tone}`} width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${text}>
    <polyline points=${points} />
  </svg>`;
}

/** A strip in parts with a legend: [{ label, value, tone }]. `total` is the whole strip. */
export function Strip({ parts, total, label, unit = '' }) {
  const whole = total ?? parts.reduce((sum, part) => sum + part.value, 0);
  let at = 0;
  const text = parts.map((part) => `${part.label} ${number(part.value)}`).join(', ');
  return html`<div class="strip">
    <svg class="strip-bar" viewBox="0 0 100 20" preserveAspectRatio="none" role="img" aria-label=${`${label}: ${text} of ${number(whole)}${unit && ` ${unit}`}`}>
      <rect class="bar-ground" width="100" height="20" />
      ${parts.map((part) => {
        const width = whole > 0 ? Math.min(100 - at, (part.value / whole) * 100) : 0;
        at += width;
        return html`<rect key=${part.label} class=${`bar-part tone-${part.tone ?? 'accent'}`} x=${at - width} width=${width} height="20" />`;
      })}
    </svg>
    <ul class="legend">
      ${parts.map(
        (part) => html`<li key=${part.label} class=${`tone-${part.tone ?? 'accent'}`}>
          <span class="swatch" aria-hidden="true" />${part.label} <strong>${number(part.value)}</strong>
          ${whole > 0 && html`<span class="quiet"> ${percent(part.value / whole)}</span>`}
        </li>`,
      )}
    </ul>
  </div>`;
}
