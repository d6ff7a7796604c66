// The navigation: all pages by heading. On a phone it opens below a button.
import { html, useEffect, useState } from '../core/html.js';
import { ROOT } from '../core/router.js';
import { switchTheme } from '../core/settings.js';
import { Button } from '../parts/button.js';
import { openPalette } from './palette.js';

export function Navigation({ pages, path }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  const shown = pages.filter((page) => page.nav);
  const headings = [...new Set(shown.map((page) => page.nav))];
  return html`<header class="side">
    <div class="side-head">
      <a class="brand" href="${ROOT}/"><${Mark} />crawljobs</a>
      <${Button} kind="quiet" icon="search" aria-label="Search pages and commands (Ctrl+K)" onClick=${() => openPalette(pages)} />
      <${Button} kind="quiet" icon="sun" aria-label="Switch between light and dark" onClick=${switchTheme} />
      <${Button}
        kind="quiet menu-button"
        icon="menu"
        aria-label="Menu"
        aria-expanded=${isOpen ? 'true' : 'false'}
        aria-controls="navigation"
        onClick=${() => setOpen(!isOpen)}
      />
    </div>
    <nav id="navigation" aria-label="Pages" class=${isOpen ? 'is-open' : ''}>
      ${headings.map(
        (heading) => html`<div class="nav-group" key=${heading}>
          <p class="nav-heading" id=${`nav-${heading}`}>${heading}</p>
          <ul aria-labelledby=${`nav-${heading}`}>
            ${shown
              .filter((page) => page.nav === heading)
              .map((page) => html`<${Item} key=${page.path} page=${page} path=${path} />`)}
          </ul>
        </div>`,
      )}
    </nav>
  </header>`;
}

function Item({ page, path }) {
  const isHere = path === page.path;
  const isWithin = isHere || (page.path !== '/' && path.startsWith(`${page.path}/`));
  return html`<li>
    <a
      href=${`${ROOT}${page.path}`}
      class=${isWithin ? 'is-here' : ''}
      aria-current=${isHere ? 'page' : isWithin ? 'true' : null}
    >${page.title}</a>
  </li>`;
}

const Mark = () => html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
  <rect width="32" height="32" rx="7" class="mark-ground" />
  <path d="M7 10h18M7 16h12M7 22h7" class="mark-lines" />
  <circle cx="23.5" cy="21.5" r="3.6" class="mark-dot" />
</svg>`;
