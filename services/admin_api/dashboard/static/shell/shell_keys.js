// The keys that work on each page.
import { useCommands } from '../core/commands.js';
import { useKeys } from '../core/keys.js';
import { isPaused, refreshAll, setPaused } from '../core/poll.js';
import { ROOT, navigate } from '../core/router.js';
import { switchTheme } from '../core/settings.js';
import { openKeyHelp } from './key_help.js';
import { openPalette } from './palette.js';

export function useShellKeys(pages) {
  const openPage = (page) => () => navigate(`${ROOT}${page.path}`);
  useKeys(
    pages
      .filter((page) => page.key)
      .map((page) => ({ keys: `g ${page.key}`, label: page.title, run: openPage(page) })),
    'Go to',
  );
  useKeys(
    [
      { keys: 'Ctrl+k', label: 'Search pages and commands', run: () => openPalette(pages) },
      { keys: 'r', label: 'Refresh', run: refreshAll },
      { keys: 'p', label: 'Pause or continue updates', run: () => setPaused(!isPaused()) },
      { keys: 't', label: 'Light or dark', run: switchTheme },
      { keys: '/', label: 'Search on the page', run: focusSearch },
      { keys: 'Escape', label: 'Back', run: () => document.activeElement?.blur() },
      { keys: '?', label: 'Keys', run: openKeyHelp },
    ],
    'Everywhere',
  );
  useCommands([
    { label: 'Switch between light and dark', hint: 't', run: switchTheme },
    { label: 'Pause or continue updates', hint: 'p', run: () => setPaused(!isPaused()) },
    { label: 'Refresh', hint: 'r', run: refreshAll },
    { label: 'Show all keys', hint: '?', run: openKeyHelp },
  ]);
}

function focusSearch() {
  document.querySelector('main [data-search]')?.focus();
}
