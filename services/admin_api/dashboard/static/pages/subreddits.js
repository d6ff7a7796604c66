// The list of subreddits: how late each one is, the worst first, with filters in the address.
import { html } from '../core/html.js';
import { number, plural, tenths } from '../core/format.js';
import { usePoll } from '../core/poll.js';
import { ROOT, hrefOf, useQuery } from '../core/router.js';
import { Filters, useFilters } from '../parts/filters.js';
import { Freshness, LATENESS } from '../parts/freshness.js';
import { JobLink } from '../parts/links.js';
import { useList } from '../parts/list.js';
import { Page, Section } from '../parts/page.js';
import { Loaded } from '../parts/states.js';
import { Status } from '../parts/status.js';
import { Table } from '../parts/table.js';
import { Tabs } from '../parts/tabs.js';
import { Time } from '../parts/time.js';
import { openNewGroup } from './groups/new_group.js';
import { EnqueueButton, openEnqueue } from './jobs/enqueue.js';
import { LatenessCards } from './subreddits/lateness.js';

const ACCESS = ['public', 'restricted', 'private', 'quarantined', 'banned', 'not_found', 'unknown'];
const FILTERS = [
  { name: 'name_contains', label: 'Name contains', kind: 'text', main: true, max: 24, placeholder: 'golang' },
  { name: 'lateness', label: 'Freshness', kind: 'choice', main: true, options: LATENESS.map(([value, label]) => ({ value, label })) },
  { name: 'access', label: 'Access', kind: 'choice', main: true, options: ACCESS },
  { name: 'gap', label: 'Has a gap', kind: 'flag' },
  { name: 'incomplete', label: 'Has missing parts', kind: 'flag' },
];
// The first one lists only subreddits whose crawl is due.
const ORDERS = [
  { id: '-lateness', label: 'Due, the latest first' },
  { id: 'name', label: 'All, by name' },
  { id: 'next_crawl_at', label: 'By next crawl' },
  { id: '-last_crawled_at', label: 'Newest crawl first' },
  { id: 'last_crawled_at', label: 'Oldest crawl first' },
];
const NOT_DUE = new Set(['fresh', 'never', 'unplanned']);

const amount = (value) => (value === null ? html`<span class="quiet">unknown</span>` : tenths(value));

const COLUMNS = [
  { id: 'name', title: 'Subreddit', always: true, cell: (row) => `r/${row.name}` },
  { id: 'freshness', title: 'Freshness', always: true, cell: (row) => html`<${Freshness} of=${row.freshness} />` },
  { id: 'access', title: 'Access', cell: (row) => html`<${Status} kind="access" value=${row.access} />` },
  { id: 'last', title: 'Last crawl', cell: (row) => html`<${Time} at=${row.last_crawled_at} kind="relative" />` },
  { id: 'next', title: 'Next crawl', cell: (row) => html`<${Next} row=${row} />` },
  { id: 'per_day', title: 'New a day', numeric: true, cell: (row) => amount(row.items_per_day) },
  { id: 'per_request', title: 'Items a request', numeric: true, cell: (row) => amount(row.items_per_request) },
  { id: 'gaps', title: 'Completeness', cell: (row) => html`<${Completeness} row=${row} />` },
  { id: 'subscribers', title: 'Subscribers', numeric: true, optional: true, cell: (row) => number(row.subscribers) },
];

function Next({ row }) {
  const { live_job: job, next_crawl_at: next } = row;
  if (job) return html`<span><${JobLink} id=${job.id} /> <${Status} value=${job.status} /></span>`;
  return next ? html`<${Time} at=${next} kind="relative" />` : html`<span class="quiet">on request</span>`;
}

function Completeness({ row }) {
  const { gaps, missing_parts: missing } = row;
  if (gaps === 0 && missing === 0) return html`<span class="quiet">–</span>`;
  return html`<span>${gaps > 0 && html`<${Status} kind="check" value="warning" label=${plural(gaps, 'gap')} />`}
    ${missing > 0 && html` <${Status} kind="check" value="warning" label=${`${number(missing)} missing`} />`}</span>`;
}

const namesOf = (selection) => selection.rows.map((row) => row.name).join('\n');

const rowActions = (selection) => [
  {
    label: 'Crawl now',
    scope: 'jobs',
    run: () => openEnqueue({ names: namesOf(selection) }).then((sent) => sent && selection.clear()),
  },
  { label: 'Make a group', scope: 'jobs', run: () => openNewGroup({ names: namesOf(selection) }) },
];

/** Without a sort, the latest ones come first; the classes that are not due have no such order. */
function useOrder() {
  const [address] = useQuery();
  return NOT_DUE.has(address.get('lateness')) ? 'name' : '-lateness';
}

export default function Subreddits() {
  const filters = useFilters(FILTERS);
  const counts = usePoll('/api/admin/freshness', { interval: 15, background: true });
  const defaultSort = useOrder();
  const list = useList('/api/admin/freshness/subreddits', { query: filters.query, limit: 100, defaultSort });
  return html`<${Page} title="Subreddits" lead="Freshness is the age of the last crawl, divided by the interval that new items ask for."
    actions=${html`<${EnqueueButton} />`}>
    <${Section} title="How late">
      <${Loaded} poll=${counts} rows=${3}>${(data) => html`<${LatenessCards} counts=${data} chosen=${filters.query.lateness} />`}<//>
    <//>
    <${Filters} of=${filters} />
    <${Tabs} name="sort" label="Order" items=${ordersFor(defaultSort)} />
    <${Table}
      name="subreddits"
      what="subreddit"
      caption="Subreddits"
      list=${list}
      columns=${COLUMNS}
      filters=${filters}
      open=${(row) => `${ROOT}/subreddits/${encodeURIComponent(row.name)}`}
      actions=${rowActions}
      empty=${emptyOf(list.sort, counts.data)}
    />
  <//>`;
}

const ordersFor = (first) => [...ORDERS].sort((a, b) => Number(b.id === first) - Number(a.id === first));

function emptyOf(sort, counts) {
  const known = Object.values(counts?.by_lateness ?? {}).reduce((sum, count) => sum + count, 0);
  if (known === 0) {
    return {
      title: 'No subreddit is known yet',
      text: 'Enqueue a subreddit. Its crawl finds further ones, and this list shows how fresh each one is.',
      action: { label: 'Enqueue a crawl', scope: 'jobs', run: () => openEnqueue() },
    };
  }
  return {
    title: sort === '-lateness' || sort === 'next_crawl_at' ? 'No crawl is due' : 'No subreddit has been crawled',
    text: 'Subreddits without a due crawl are in the list by name.',
    action: { label: 'Show all by name', href: hrefOf(`${ROOT}/subreddits`, { sort: 'name' }) },
  };
}
