// The choice of the columns of a table. The settings of the browser keep it.
import { html, useEffect, useRef } from '../core/html.js';
import { getSettings, setSetting, useSettings } from '../core/settings.js';
import { Button } from './button.js';

/** Return the shown columns of a table, and a function that shows or hides one. */
export function useColumns(name, columns) {
  const chosen = useSettings().columns[name];
  const isShown = (column) =>
    column.always || (Array.isArray(chosen) ? chosen.includes(column.id) : !column.optional);
  const shown = columns.filter(isShown);
  const choose = (id, isOn) => {
    const ids = shown.map((column) => column.id).filter((each) => each !== id);
    setSetting('columns', { ...getSettings().columns, [name]: isOn ? [...ids, id] : ids });
  };
  const reset = () => {
    const { [name]: _, ...others } = getSettings().columns;
    setSetting('columns', others);
  };
  return { shown, choose: Object.assign(choose, { reset }) };
}

/** The button "Columns" with a list of checkboxes. */
export function Columns({ columns, shown, choose }) {
  const element = useRef(null);
  useEffect(() => {
    const leave = (event) => {
      if (element.current?.open && !element.current.contains(event.target)) element.current.open = false;
    };
    document.addEventListener('pointerdown', leave);
    return () => document.removeEventListener('pointerdown', leave);
  }, []);
  const close = (event) => {
    if (event.key !== 'Escape') return;
    element.current.open = false;
    element.current.querySelector('summary').focus();
  };
  const ids = new Set(shown.map((column) => column.id));
  return html`<details class="columns" ref=${element} onKeyDown=${close}>
    <summary class="button small">Columns</summary>
    <div class="columns-list">
      ${columns.map(
        (column) => html`<label class="check" key=${column.id}>
          <input type="checkbox" checked=${ids.has(column.id)} disabled=${column.always}
            onChange=${(event) => choose(column.id, event.target.checked)} />
          <span>${column.title}</span>
        </label>`,
      )}
      <${Button} kind="small quiet" onClick=${choose.reset}>Usual columns<//>
    </div>
  </details>`;
}
