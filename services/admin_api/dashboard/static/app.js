// The entry: the table of pages, and the start of the shell. Each page adds one line to PAGES.
import { html, render } from './core/html.js';
import { whoami } from './core/api.js';
import { startKeys } from './core/keys.js';
import { startRouter } from './core/router.js';
import { startSession } from './core/session.js';
import { startSettings } from './core/settings.js';
import { Shell } from './shell/shell.js';

// The paths below /ui, in the order of the navigation. README.md describes the fields.
const PAGES = [
  { path: '/', title: 'Overview', nav: 'Work', key: 'o', style: 'overview.css', load: () => import('./pages/overview.js') },
  { path: '/jobs', title: 'Jobs', nav: 'Work', key: 'j', load: () => import('./pages/jobs.js') },
  { path: '/jobs/:id', title: 'Job', style: 'job.css', load: () => import('./pages/job.js') },
  { path: '/settings', title: 'Settings', nav: 'Admin', key: ',', load: () => import('./pages/settings.js') },
];

startSettings();
startRouter(PAGES);
startKeys();
startSession(whoami);
render(html`<${Shell} pages=${PAGES} />`, document.getElementById('app'));
