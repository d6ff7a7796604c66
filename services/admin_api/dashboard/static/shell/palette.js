// The command palette (Ctrl+K): pages, commands, and jumps such as "job 123" and "r/golang".
import { html, useEffect, useId, useRef, useState } from '../core/html.js';
import { allCommands } from '../core/commands.js';
import { ROOT, navigate, routeOf } from '../core/router.js';
import { Dialog, openDialog } from '../parts/dialog.js';

const MOST = 12;
let isOpen = false;

export async function openPalette(pages) {
  if (isOpen) return;
  isOpen = true;
  const chosen = await openDialog((close) => html`<${Palette} pages=${pages} close=${close} />`);
  isOpen = false;
  if (chosen?.href) navigate(chosen.href);
  else chosen?.run?.();
}

// Typed text that leads to one thing: [pattern, label, path below /ui].
const JUMPS = [
  [/^(?:job\s*|#)?(\d{1,19})$/i, (id) => `Job ${id}`, (id) => `/jobs/${id}`],
  [/^group\s*(\d{1,19})$/i, (id) => `Group ${id}`, (id) => `/groups/${id}`],
  [/^schedule\s*(\d{1,19})$/i, (id) => `Schedule ${id}`, (id) => `/schedules/${id}`],
  [/^\/?r\/(\w{2,21})$/i, (name) => `Subreddit r/${name}`, (name) => `/subreddits/${name}`],
];

function jumpsTo(text) {
  return JUMPS.flatMap(([pattern, label, path]) => {
    const found = pattern.exec(text);
    if (!found || !routeOf(path(found[1])).page) return [];
    return [{ label: label(found[1]), hint: 'open', href: `${ROOT}${path(found[1])}` }];
  });
}

function entries(pages, typed) {
  const text = typed.trim().toLowerCase();
  const all = [
    ...pages
      .filter((page) => page.nav)
      .map((page) => ({
        label: page.title,
        hint: page.key ? `g ${page.key}` : page.nav,
        href: `${ROOT}${page.path}`,
      })),
    ...allCommands(),
  ];
  const words = text.split(/\s+/);
  const found = all.filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
  return [...jumpsTo(typed.trim()), ...found].slice(0, MOST);
}

function Palette({ pages, close }) {
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const id = useId();
  const list = useRef(null);
  const found = entries(pages, typed);
  const chosen = Math.min(at, found.length - 1);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  const press = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((chosen + step + found.length) % Math.max(1, found.length));
    } else if (event.key === 'Enter' && found[chosen]) {
      event.preventDefault();
      close(found[chosen]);
    }
  };
  return html`<${Dialog} title="Go to" onClose=${() => close(null)}>
    <input
      class="palette-input"
      type="text"
      role="combobox"
      aria-expanded="true"
      aria-controls=${id}
      aria-activedescendant=${found[chosen] ? `${id}-${chosen}` : null}
      aria-label="Page, command, job number or r/name"
      placeholder="Page, command, job number or r/name"
      autocomplete="off"
      spellcheck="false"
      autofocus
      value=${typed}
      onInput=${(event) => {
        setTyped(event.target.value);
        setAt(0);
      }}
      onKeyDown=${press}
    />
    <ul class="palette" role="listbox" id=${id} ref=${list} aria-label="Pages and commands">
      ${found.map(
        (entry, index) => html`<li
          key=${entry.label}
          id=${`${id}-${index}`}
          role="option"
          aria-selected=${index === chosen ? 'true' : 'false'}
          onClick=${() => close(entry)}
        ><span>${entry.label}</span><kbd>${entry.hint ?? ''}</kbd></li>`,
      )}
    </ul>
    ${found.length === 0 && html`<p class="quiet" role="status">Nothing has this name.</p>`}
  <//>`;
}
