// The conditions that need an operator, the most severe first, each with its remedy and its page.
import { html } from '../../core/html.js';
import { plural } from '../../core/format.js';
import { ROOT } from '../../core/router.js';
import { Section } from '../../parts/page.js';
import { Status } from '../../parts/status.js';

const PAGES = [
  ['/api/admin/scheduled-jobs', '/schedules'],
  ['/api/admin/jobs', '/jobs'],
  ['/api/admin/groups', '/groups'],
  ['/api/admin/webhooks', '/webhooks'],
  ['/api/admin/workers', '/workers'],
  ['/api/admin/budget', '/budget'],
  ['/api/admin/system', '/system'],
  ['/api/admin/subreddits', '/subreddits'],
  ['/api/admin/queue/pauses', '/'],
];
const NAMES = { critical: 'Critical', warning: 'Warning', notice: 'Notice' };

/** Return the page that shows the same as this path of the API, or null if no page does. */
export function pageOf(link) {
  const { pathname, search } = new URL(link, location.origin);
  const found = PAGES.find(([path]) => pathname === path || pathname.startsWith(`${path}/`));
  if (!found || found[1] === '/') return null;
  return `${ROOT}${found[1]}${pathname.slice(found[0].length).replace(/\/stats$/, '')}${search}`;
}

function Condition({ condition }) {
  const page = pageOf(condition.link);
  return html`<li class="condition">
    <${Status} kind="check" value=${condition.severity === 'notice' ? 'info' : condition.severity} label=${NAMES[condition.severity]} />
    <div>
      <p class="condition-title">${page ? html`<a href=${page}>${condition.sentence}</a>` : condition.sentence}</p>
      <p class="quiet">${condition.remedy}</p>
    </div>
  </li>`;
}

export function Attention({ conditions }) {
  if (conditions.length === 0) {
    return html`<p class="note tone-good calm"><${Status} kind="check" value="ok" label="Nothing needs attention." /></p>`;
  }
  return html`<${Section} title=${`${plural(conditions.length, 'condition')} to look at`}>
    <ul class="conditions">
      ${conditions.map((condition) => html`<${Condition} key=${condition.code} condition=${condition} />`)}
    </ul>
  <//>`;
}
