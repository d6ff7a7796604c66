// The frame of a page: title, focus after navigation, sections, facts, cards.
import { html, useEffect, useId, useRef } from '../core/html.js';

let isFirstPage = true;

export function Page({ title, lead, actions, children, class: extra = '' }) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = `${title} · crawljobs`;
  }, [title]);
  useEffect(() => {
    // The first page keeps the focus of the browser; later ones tell screen readers their title.
    if (!isFirstPage) heading.current?.focus({ preventScroll: true });
    isFirstPage = false;
  }, []);
  return html`<div class=${`page ${extra}`}>
    <header class="page-head">
      <div>
        <h1 tabindex="-1" ref=${heading}>${title}</h1>
        ${lead && html`<p class="lead">${lead}</p>`}
      </div>
      ${actions && html`<div class="page-actions">${actions}</div>`}
    </header>
    ${children}
  </div>`;
}

export function Section({ title, actions, children, class: extra = '' }) {
  const id = useId();
  return html`<section class=${`section ${extra}`} aria-labelledby=${id}>
    <header class="section-head">
      <h2 id=${id}>${title}</h2>
      ${actions && html`<div class="section-actions">${actions}</div>`}
    </header>
    ${children}
  </section>`;
}

/** Terms with values: [[term, value]]. Entries that are null are left out. */
export function Facts({ items }) {
  return html`<dl class="facts">
    ${items.filter(Boolean).map(
      ([term, value]) => html`<div key=${term}><dt>${term}</dt><dd>${value ?? '–'}</dd></div>`,
    )}
  </dl>`;
}

export const Cards = ({ children }) => html`<div class="cards">${children}</div>`;

/** A number with its name, and a note below it. With `href` the whole card is a link. */
export function Card({ title, value, note, href, tone = 'neutral' }) {
  const inner = html`<span class="card-title">${title}</span>
    <span class="card-value">${value}</span>
    ${note && html`<span class="card-note">${note}</span>`}`;
  return href
    ? html`<a class=${`card tone-${tone}`} href=${href}>${inner}</a>`
    : html`<div class=${`card tone-${tone}`}>${inner}</div>`;
}
