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
  { path: '/groups', title: 'Groups', nav: 'Work', key: 'g', style: 'group.css', load: () => import('./pages/groups.js') },
  { path: '/groups/:id', title: 'Group', style: 'group.css', load: () => import('./pages/group.js') },
  { path: '/schedules', title: 'Schedules', nav: 'Work', key: 's', style: 'schedules.css', load: () => import('./pages/schedules.js') },
  { path: '/schedules/:id', title: 'Schedule', style: 'schedules.css', load: () => import('./pages/schedules.js') },
  { path: '/subreddits', title: 'Subreddits', nav: 'Data', key: 'r', style: 'overview.css', load: () => import('./pages/subreddits.js') },
  { path: '/subreddits/:name', title: 'Subreddit', style: 'overview.css', load: () => import('./pages/subreddit.js') },
  { path: '/map', title: 'Map', nav: 'Data', key: 'm', style: 'map.css', load: () => import('./pages/map.js') },
  { path: '/budget', title: 'Budget', nav: 'Operate', key: 'b', style: 'overview.css', load: () => import('./pages/budget.js') },
  { path: '/workers', title: 'Workers', nav: 'Operate', key: 'w', style: 'overview.css', load: () => import('./pages/workers.js') },
  { path: '/webhooks', title: 'Webhooks', scope: 'webhooks', nav: 'Operate', key: 'h', load: () => import('./pages/webhooks.js') },
  { path: '/webhooks/:id', title: 'Webhook', scope: 'webhooks', style: 'overview.css', load: () => import('./pages/webhooks.js') },
  { path: '/webhooks/deliveries/:delivery', title: 'Delivery', scope: 'webhooks', style: 'overview.css', load: () => import('./pages/webhooks.js') },
  { path: '/system', title: 'System', nav: 'Operate', key: 'y', style: 'overview.css', load: () => import('./pages/system.js') },
  { path: '/audit', title: 'Audit log', scope: 'audit', nav: 'Admin', key: 'a', load: () => import('./pages/audit.js') },
  { path: '/tokens', title: 'Tokens', scope: 'tokens', nav: 'Admin', key: 't', load: () => import('./pages/tokens.js') },
  { path: '/settings', title: 'Settings', scope: null, nav: 'Admin', key: ',', load: () => import('./pages/settings.js') },
];

startSettings();
startRouter(PAGES);
startKeys();
startSession(whoami);
render(html`<${Shell} pages=${PAGES} />`, document.getElementById('app'));
