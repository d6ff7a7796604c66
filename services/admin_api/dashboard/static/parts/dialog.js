// Dialogs over the page. The browser keeps the focus inside and returns it afterwards.
import { html, useId, useLayoutEffect, useRef } from '../core/html.js';
import { createStore, useStore } from '../core/store.js';
import { Button } from './button.js';

const open = createStore([]); // [{ id, render: (close) => html }]
let count = 0;

/**
 * A dialog. `onClose` is called by Esc and by the cross; without it the dialog cannot be closed.
 * Ctrl+Enter presses the last button of `actions`.
 */
export function Dialog({ title, onClose, actions, children, wide = false, side = false }) {
  const element = useRef(null);
  const id = useId();
  // At once, not after the next frame: keys that follow belong to the dialog.
  useLayoutEffect(() => {
    const dialog = element.current;
    if (!dialog.open) dialog.showModal();
    // The first field, or the button that the dialog is about; not the cross.
    const first = dialog.querySelector('[autofocus], .dialog-body :is(input, textarea, select)');
    (first ?? dialog.querySelector('.dialog-foot button:last-of-type'))?.focus();
    return () => dialog.open && dialog.close();
  }, []);
  const cancel = (event) => {
    if (event.target !== element.current) return;
    event.preventDefault();
    onClose?.();
  };
  const press = (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    element.current.querySelector('.dialog-foot button:last-of-type')?.click();
  };
  return html`<dialog
    ref=${element}
    class=${`dialog ${wide ? 'wide' : ''} ${side ? 'side' : ''}`}
    aria-labelledby=${id}
    onCancel=${cancel}
    onKeyDown=${press}
  >
    <header class="dialog-head">
      <h2 id=${id}>${title}</h2>
      ${onClose && html`<${Button} kind="quiet" icon="cross" aria-label="Close" onClick=${onClose} />`}
    </header>
    <div class="dialog-body">${children}</div>
    ${actions && html`<footer class="dialog-foot">${actions}</footer>`}
  </dialog>`;
}

/** Show a dialog: `render(close)` returns it. Returns a promise of the value that closes it. */
export function openDialog(render) {
  return new Promise((resolve) => {
    count += 1;
    const id = count;
    const close = (value = null) => {
      open.set((all) => all.filter((each) => each.id !== id));
      resolve(value);
    };
    open.set((all) => [...all, { id, render: () => render(close) }]);
  });
}

/** The place of the dialogs of openDialog(), in the shell. */
export function Dialogs() {
  return useStore(open).map(({ id, render }) => html`<div key=${id}>${render()}</div>`);
}

/** Ask a question. Returns a promise of true or false. */
export const ask = ({ title, text, verb = 'Continue', danger = false }) =>
  openDialog(
    (close) => html`<${Dialog}
      title=${title}
      onClose=${() => close(false)}
      actions=${html`
        <${Button} onClick=${() => close(false)}>Cancel<//>
        <${Button} kind=${danger ? 'danger' : 'primary'} onClick=${() => close(true)} autofocus>${verb}<//>
      `}
    ><p>${text}</p><//>`,
  ).then((value) => value === true);
