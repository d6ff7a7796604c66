// Keys of the page. They work outside of inputs and dialogs, and the reader can turn them off.
import { useEffect, useRef } from './html.js';
import { getSettings } from './settings.js';
import { createStore, useStore } from './store.js';

const SEQUENCE_MS = 1500;
const groups = createStore([]); // [{ title, keys: ref to a list of keys }]; the newest last
let prefix = '';
let prefixTimer = 0;

/** Return all keys of the page by group, for the help. */
export const useKeyGroups = () => useStore(groups);

/** Register keys while the component is shown: [{ keys, label, run }]. */
export function useKeys(keys, title = 'Page') {
  const current = useRef(keys);
  current.current = keys;
  useEffect(() => {
    const group = { title, keys: current };
    groups.set((all) => [...all, group]);
    return () => groups.set((all) => all.filter((each) => each !== group));
  }, [title]);
}

/** Return the name of a key press: 'j', 'Shift+X', 'Ctrl+k', '?', 'Escape'. */
export function nameOf(event) {
  const isLetter = /^[a-z]$/i.test(event.key);
  const shift = event.shiftKey && (isLetter || event.key.length > 1) ? 'Shift+' : '';
  const control = event.ctrlKey || event.metaKey ? 'Ctrl+' : '';
  const alt = event.altKey ? 'Alt+' : '';
  return `${control}${alt}${shift}${isLetter && shift ? event.key.toUpperCase() : event.key}`;
}

// A checkbox takes only the space key.
const FIELDS = 'input:not([type="checkbox"]), textarea, select, [contenteditable="true"], dialog, [role="menu"]';

function press(event) {
  if (event.defaultPrevented || event.isComposing) return;
  const name = nameOf(event);
  const isAlways = name.startsWith('Ctrl+');
  if (!isAlways && (!getSettings().shortcuts || event.target.closest?.(FIELDS))) return;
  if (document.querySelector('dialog[open]')) return;
  // Enter and Space belong to the button or link that has the focus.
  if (['Enter', ' '].includes(name) && event.target.closest?.('a, button, summary')) return;
  const typed = prefix ? `${prefix} ${name}` : name;
  const found = find(typed);
  setPrefix('');
  if (found) {
    event.preventDefault();
    found.run(event);
  } else if (isPrefix(typed)) {
    event.preventDefault();
    setPrefix(typed);
  }
}

function setPrefix(value) {
  clearTimeout(prefixTimer);
  prefix = value;
  if (value) prefixTimer = setTimeout(() => setPrefix(''), SEQUENCE_MS);
}

function find(typed) {
  for (const group of [...groups.get()].reverse()) {
    const found = group.keys.current.find((key) => key && key.keys === typed);
    if (found) return found;
  }
  return null;
}

const isPrefix = (typed) =>
  groups.get().some(({ keys }) => keys.current.some((key) => key?.keys.startsWith(`${typed} `)));

/** Listen to the keyboard from now on. */
export const startKeys = () => document.addEventListener('keydown', press);
