// Tabs whose choice is in the query of the address.
import { html } from '../core/html.js';
import { setQuery, useQuery } from '../core/router.js';

/** Return the chosen tab of a page. */
export const useTab = (name, first) => useQuery()[0].get(name) ?? first;

/** items: [{ id, label, note }]. The first tab is the default, and is not in the address. */
export function Tabs({ name = 'view', items, label = 'Views' }) {
  const chosen = useTab(name, items[0].id);
  const choose = (id) => setQuery({ [name]: id === items[0].id ? null : id, cursor: null }, { push: true });
  return html`<div class="tabs" role="group" aria-label=${label}>
    ${items.map(
      ({ id, label: text, note }) => html`<button type="button" key=${id} class="tab"
        aria-pressed=${id === chosen ? 'true' : 'false'} onClick=${() => choose(id)}>
        ${text}${note !== undefined && html` <span class="quiet">${note}</span>`}
      </button>`,
    )}
  </div>`;
}
