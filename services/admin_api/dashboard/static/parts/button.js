// Buttons: each says why it is disabled, such as a scope that the token lacks.
import { html, useRef, useState } from '../core/html.js';
import { useCan } from '../core/session.js';
import { Icon } from './icon.js';

/** Return the reason why an action is not possible, or null. */
export function useRefusal(scope, reason) {
  const allowed = useCan(scope);
  if (!allowed) return `The token lacks the scope "${scope}".`;
  return reason || null;
}

/** A button. A disabled one keeps the focus, so that a reader of the keyboard learns the reason. */
export function Button({ children, onClick, scope, reason, kind = '', icon, busy, type = 'button', ...rest }) {
  const refusal = useRefusal(scope, reason);
  const run = (event) => {
    if (refusal || busy) {
      event.preventDefault();
      return;
    }
    onClick?.(event);
  };
  return html`<button
    ...${rest}
    type=${type}
    class=${`button ${kind}`}
    aria-disabled=${refusal || busy ? 'true' : null}
    ...${refusal ? { title: refusal } : {}}
    onClick=${run}
  >${icon && html`<${Icon} name=${icon} />`}${children}${refusal && html`<span class="unseen"> (${refusal})</span>`}</button>`;
}

/** A button that copies a text. */
export function Copy({ text, label = 'Copy' }) {
  const [state, setState] = useState('');
  const timer = useRef(0);
  const copy = async () => {
    clearTimeout(timer.current);
    setState((await copied(text)) ? 'Copied' : 'Copy is forbidden here: select the text');
    timer.current = setTimeout(() => setState(''), 2500);
  };
  return html`<${Button} kind="quiet small" icon="copy" onClick=${copy}>
    <span aria-live="polite">${state || label}</span>
  <//>`;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text); // a page without a secure context has no clipboard
  }
}

function copiedBySelection(text) {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'unseen';
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  const isDone = document.execCommand('copy');
  area.remove();
  return isDone;
}
