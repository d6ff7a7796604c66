// A button with a list of actions. Arrow keys move in it, Esc closes it.
import { html, useEffect, useId, useRef, useState } from '../core/html.js';
import { navigate } from '../core/router.js';
import { Button, useRefusal } from './button.js';

/** items: [{ label, run or href, scope, reason, danger }] or { text } for a line without an action. */
export function Menu({ label, name, items, kind = '', icon = 'down', scope }) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return undefined;
    const leave = (event) => !root.current?.contains(event.target) && setOpen(false);
    document.addEventListener('pointerdown', leave);
    (root.current.querySelector('[role="menuitem"]') ?? root.current.querySelector('[role="menu"]')).focus();
    return () => document.removeEventListener('pointerdown', leave);
  }, [isOpen]);
  const close = () => {
    setOpen(false);
    root.current?.querySelector('button')?.focus();
  };
  return html`<div class="menu" ref=${root} onKeyDown=${(event) => isOpen && move(event, root.current, close)}>
    <${Button}
      kind=${kind}
      icon=${icon}
      scope=${scope}
      aria-haspopup="menu"
      aria-expanded=${isOpen ? 'true' : 'false'}
      aria-controls=${isOpen ? id : null}
      title=${name}
      onClick=${() => setOpen(!isOpen)}
    >${label}<//>
    ${isOpen &&
    html`<div class="menu-list" role="menu" id=${id} tabindex="-1" aria-label=${name ?? 'Actions'}>
      ${items.filter(Boolean).map((item, at) => html`<${Item} key=${at} item=${item} close=${close} />`)}
    </div>`}
  </div>`;
}

function Item({ item, close }) {
  const refusal = useRefusal(item.scope, item.reason);
  if (item.text) return html`<div class="menu-text" role="presentation">${item.text}</div>`;
  const run = () => {
    if (refusal) return;
    close();
    if (item.href) navigate(item.href);
    else item.run();
  };
  return html`<button
    type="button"
    role="menuitem"
    tabindex="-1"
    class=${`menu-item ${item.danger ? 'danger' : ''}`}
    aria-disabled=${refusal ? 'true' : null}
    onClick=${run}
  ><span>${item.label}</span>${refusal && html`<span class="menu-reason">${refusal}</span>`}</button>`;
}

function move(event, root, close) {
  const all = [...root.querySelectorAll('[role="menuitem"]')];
  const at = all.indexOf(document.activeElement);
  const go = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (event.key === 'Escape' || event.key === 'Tab') {
    if (event.key === 'Escape') event.preventDefault();
    close();
  } else if (go !== undefined && all.length > 0) {
    event.preventDefault();
    all[(go + all.length) % all.length].focus();
  }
}
