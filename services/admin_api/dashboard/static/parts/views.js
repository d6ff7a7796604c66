// Saved views of a page: names for queries, in the settings of the browser.
import { html } from '../core/html.js';
import { navigate, useQuery } from '../core/router.js';
import { getSettings, setSetting, useSettings } from '../core/settings.js';
import { Button } from './button.js';
import { Dialog, openDialog } from './dialog.js';
import { Field, Form, useForm } from './form.js';

const MOST = 20; // views of a page
const NAME_MAX = 40;

const viewsOf = (page) => (Array.isArray(getSettings().views[page]) ? getSettings().views[page] : []);
const store = (page, views) => setSetting('views', { ...getSettings().views, [page]: views.slice(-MOST) });

/** The choice of saved views, and the buttons that save and delete one. */
export function Views({ page }) {
  useSettings();
  const [query] = useQuery();
  const views = viewsOf(page);
  const kept = new URLSearchParams(query);
  kept.delete('cursor');
  const search = kept.toString();
  const chosen = views.find((view) => view.search === search);
  const open = (event) => {
    const view = views.find(({ name }) => name === event.target.value);
    if (view) navigate(view.search ? `${location.pathname}?${view.search}` : location.pathname);
  };
  const save = async () => {
    const name = await openDialog((close) => html`<${NameView} close=${close} />`);
    if (name) store(page, [...views.filter((view) => view.name !== name), { name, search }]);
  };
  return html`<div class="views">
    ${views.length > 0 &&
    html`<label class="filter">
      <span class="filter-label">Saved views</span>
      <select value=${chosen?.name ?? ''} onChange=${open}>
        <option value="">Choose a view</option>
        ${views.map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}
      </select>
    </label>`}
    ${chosen
      ? html`<${Button} kind="quiet" onClick=${() => store(page, views.filter((view) => view !== chosen))}>Delete view<//>`
      : search && html`<${Button} kind="quiet" onClick=${save}>Save view<//>`}
  </div>`;
}

function NameView({ close }) {
  const form = useForm({
    values: { name: '' },
    send: async ({ name }) => close(name.trim().slice(0, NAME_MAX) || null),
  });
  return html`<${Dialog} title="Save this view" onClose=${() => close(null)}
    actions=${html`<${Button} onClick=${() => close(null)}>Cancel<//>
      <${Button} kind="primary" reason=${form.values.name.trim() ? null : 'Type a name.'} onClick=${form.submit}>Save<//>`}>
    <${Form} form=${form}>
      <${Field} form=${form} name="name" max=${NAME_MAX} hint="The filters and the order, in this browser." />
    <//>
  <//>`;
}
