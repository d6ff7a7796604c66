// The frame around all pages: skip link, navigation, banners, the page, footer, dialogs.
import { html, useEffect, useState } from '../core/html.js';
import { useRoute } from '../core/router.js';
import { useSettings } from '../core/settings.js';
import { signOut, useSession } from '../core/session.js';
import { Dialogs } from '../parts/dialog.js';
import { Page } from '../parts/page.js';
import { Empty, Problem, Skeleton } from '../parts/states.js';
import { Toasts } from '../parts/toast.js';
import { unreachable } from '../core/errors.js';
import { Banners } from './banners.js';
import { Footer } from './footer.js';
import { useShellKeys } from './shell_keys.js';
import { Navigation } from './navigation.js';
import { SignIn } from './sign_in.js';

const loaded = new Map(); // page -> component

export function Shell({ pages }) {
  const { path, page, params } = useRoute();
  const { state } = useSession();
  useSettings(); // formats of times and numbers depend on the settings
  useShellKeys(pages);
  return html`
    <a class="skip" href="#content">Skip to the content</a>
    <div class="frame">
      <${Navigation} pages=${pages} path=${path} />
      <div class="body">
        <${Banners} />
        <main id="content" tabindex="-1">
          ${page
            ? html`<${Allowed} page=${page}><${Loader} key=${page.path} page=${page} params=${params} /><//>`
            : html`<${NotFound} path=${path} />`}
        </main>
        <${Footer} />
      </div>
    </div>
    <${Dialogs} />
    ${state === 'signed-out' && html`<${SignIn} />`}
    <${Toasts} />
  `;
}

/** The page, or the scope that its requests need and the token lacks: then nothing is asked. */
function Allowed({ page, children }) {
  const { identity } = useSession();
  const { scope = 'read' } = page;
  if (!scope || !identity || identity.scopes.includes(scope)) return children;
  return html`<${Page} title=${page.title}>
    <${Empty} title=${`The token lacks the scope "${scope}"`}
      text=${`The token "${identity.name}" has ${identity.scopes.join(', ')}. Sign in with another one to see this page.`}
      action=${{ label: 'Sign out', run: signOut }} />
  <//>`;
}

function NotFound({ path }) {
  return html`<${Page} title="Page not found">
    <p>The dashboard has no page <code>${path.slice(0, 200)}</code>.</p>
    <p><a href="/ui/">Go to the start page</a>, or press <kbd>Ctrl</kbd>+<kbd>K</kbd> to search.</p>
  <//>`;
}

/** Loads the module of a page once, and shows the page. */
function Loader({ page, params }) {
  const [component, setComponent] = useState(() => loaded.get(page));
  const [error, setError] = useState(null);
  const load = () => {
    setError(null);
    loadStyle(page.style);
    page.load().then(
      (module) => {
        loaded.set(page, module.default);
        setComponent(() => module.default);
      },
      () =>
        setError(unreachable('The page could not be loaded. Reload: a newer version may be installed.')),
    );
  };
  useEffect(() => {
    if (!component) load();
  }, []);
  if (error) return html`<${Page} title=${page.title}><${Problem} error=${error} retry=${() => location.reload()} /><//>`;
  if (!component) return html`<${Skeleton} rows=${8} />`;
  return html`<${component} params=${params} />`;
}

const styles = new Set();

function loadStyle(name) {
  if (!name || styles.has(name)) return;
  styles.add(name);
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = new URL(`../style/${name}`, import.meta.url).href;
  document.head.append(link);
}
