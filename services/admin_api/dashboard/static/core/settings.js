// The reader's settings, in localStorage of this browser. They contain no data and no token.
import { createStore, useStore } from './store.js';

const NAME = 'crawljobs-settings';
const DEFAULTS = {
  theme: 'system', // system, light, dark
  zone: 'local', // local, UTC, or the name of a zone
  density: 'compact', // compact, roomy
  interval: 'normal', // normal, slow (4 times longer), off
  shortcuts: true,
  columns: {}, // by table: the ids of the chosen columns
  views: {}, // by page: saved queries
};
const CHOICES = {
  theme: ['system', 'light', 'dark'],
  density: ['compact', 'roomy'],
  interval: ['normal', 'slow', 'off'],
  shortcuts: [true, false],
};
const store = createStore(read());

function read() {
  try {
    return checked(JSON.parse(localStorage.getItem(NAME) ?? '{}'));
  } catch {
    return DEFAULTS; // storage is forbidden, or its text is broken
  }
}

/** Return the known settings with possible values; others get their default. */
function checked(given) {
  const found = { ...DEFAULTS };
  if (given === null || typeof given !== 'object') return found;
  for (const [name, choices] of Object.entries(CHOICES)) {
    if (choices.includes(given[name])) found[name] = given[name];
  }
  if (isZone(given.zone)) found.zone = given.zone;
  for (const name of ['columns', 'views']) {
    if (given[name] && typeof given[name] === 'object') found[name] = given[name];
  }
  return found;
}

/** Return whether the browser knows a time zone. */
export function isZone(name) {
  if (name === 'local') return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return typeof name === 'string' && name !== '';
  } catch {
    return false;
  }
}

export const getSettings = () => store.get();
export const useSettings = () => useStore(store);

/** Store a setting. Without storage it lasts as long as the page. */
export function setSetting(name, value) {
  store.set((settings) => checked({ ...settings, [name]: value }));
  try {
    localStorage.setItem(NAME, JSON.stringify(store.get()));
  } catch {
    // The browser forbids storage.
  }
}

/** Forget all settings. */
export function resetSettings() {
  try {
    localStorage.removeItem(NAME);
  } catch {
    // The browser forbids storage.
  }
  store.set(DEFAULTS);
}

function apply({ theme, density }) {
  const root = document.documentElement;
  root.dataset.theme = theme;
  root.dataset.density = density;
}

/** Apply the settings to the page, also when another tab changes them. */
export function startSettings() {
  apply(store.get());
  store.subscribe(apply);
  addEventListener('storage', (event) => {
    if (event.key === NAME) store.set(read());
  });
}

/** Switch to the other of light and dark. */
export function switchTheme() {
  const { theme } = store.get();
  const isDark =
    theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  setSetting('theme', isDark ? 'light' : 'dark');
}
