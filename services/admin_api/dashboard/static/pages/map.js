// The map: subreddits with shared authors as a graph and as a table, which have one selection.
import { html, useMemo, useState } from '../core/html.js';
import { plural } from '../core/format.js';
import { usePoll } from '../core/poll.js';
import { Filters, useFilters } from '../parts/filters.js';
import { Page, Section } from '../parts/page.js';
import { Empty, EmptyByFilters, Loaded } from '../parts/states.js';
import { Tabs, useTab } from '../parts/tabs.js';
import { Time } from '../parts/time.js';
import { EnqueueButton, openEnqueue } from './jobs/enqueue.js';
import { coloursOf } from './map/colours.js';
import { ExportMap } from './map/export.js';
import { Graph } from './map/graph.js';
import { indexOf } from './map/links.js';
import { Chosen } from './map/chosen.js';
import { MapTable } from './map/table.js';

const SECONDS = 60; // workers compute few links a minute
const NODES_MAX = 1500;
const LINKS_MAX = 1500;
const FILTERS = [
  { name: 'find', label: 'Find on the map', kind: 'text', main: true, max: 30, placeholder: 'golang' },
  { name: 'around', label: 'Neighbourhood of', kind: 'text', main: true, max: 25, placeholder: 'python' },
  { name: 'min_shared', label: 'Shared authors from', kind: 'number', main: true, min: 1, max: 1_000_000 },
  { name: 'limit', label: 'Links at most', kind: 'number', main: true, min: 1, max: LINKS_MAX },
];
const COLOURS = [
  { id: 'community', label: 'Community' },
  { id: 'freshness', label: 'Freshness' },
  { id: 'access', label: 'Access' },
];

export default function MapPage() {
  const filters = useFilters(FILTERS);
  const { find, ...query } = filters.query;
  const poll = usePoll('/api/admin/map', { query, interval: SECONDS, keep: true });
  const actions = html`<${EnqueueButton} /><${ExportMap} minShared=${query.min_shared} />`;
  return html`<${Page} title="Map" lead="Two subreddits are linked when accounts are active in both." actions=${actions}>
    <${Filters} of=${filters} />
    ${poll.error?.status === 404
      ? html`<${Empty} title="This subreddit is not known here" text="The map has no neighbourhood of it. Show the whole map, or look for another name."
          action=${{ label: 'Show the whole map', run: () => filters.set('around', null) }} />`
      : html`<${Loaded} poll=${poll} rows=${12} what="subreddit" empty=${(data) => data.nodes.length === 0 && !isNarrow(query) && emptyOf(data)}>
      ${(data) => data.nodes.length === 0
        ? html`<${EmptyByFilters} filters=${filters} what="links" />`
        : html`<${MapView} data=${data} find=${find ?? ''} around=${query.around} />`}
    <//>`}
  <//>`;
}

const isNarrow = (query) => query.around !== undefined || query.min_shared !== undefined;

const emptyOf = ({ due }) => ({
  title: 'The map is empty',
  text: due > 0
    ? `Workers will compute the links of ${plural(due, 'subreddit')}.`
    : 'Crawl some subreddits. Links appear when at least two accounts are active in two of them.',
  action: { label: 'Enqueue a crawl', scope: 'jobs', run: () => openEnqueue() },
});

/** Cut the map to the number of nodes that a browser draws well. The API gives the strongest links first. */
function cutOf(data) {
  if (data.nodes.length <= NODES_MAX) return data;
  const nodes = data.nodes.slice(0, NODES_MAX);
  const ids = new Set(nodes.map((node) => node.id));
  return { ...data, nodes, links: data.links.filter(({ a, b }) => ids.has(a) && ids.has(b)), isCut: true };
}

function MapView({ data, find, around }) {
  const colour = useTab('colour', 'community');
  const [chosenIds, setChosen] = useState([]);
  const shown = useMemo(() => cutOf(data), [data]);
  const index = useMemo(() => indexOf(shown), [shown]);
  const colours = useMemo(() => coloursOf(shown.nodes, colour), [shown, colour]);
  const chosen = chosenIds.filter((id) => index.byId.has(id));
  const toggle = (id) => setChosen(chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]);
  const wanted = find.trim().toLowerCase();
  const found = wanted === '' ? null : new Set(shown.nodes.filter((node) => node.name.toLowerCase().includes(wanted)).map((node) => node.id));
  const path = chosen.length === 2 ? index.path(chosen[0], chosen[1]) : null;
  const common = { data: shown, index, colours, chosen, toggle, found, around };
  return html`<div class="stack">
    <${Section} title="Graph" actions=${html`<${Tabs} name="colour" label="Colour by" items=${COLOURS} />`}>
      <${Graph} ...${common} path=${path} />
      <${Notes} data=${shown} />
    <//>
    <${Chosen} chosen=${chosen} index=${index} path=${path} clear=${() => setChosen([])} />
    <${MapTable} ...${common} find=${find} />
  </div>`;
}

function Notes({ data }) {
  return html`<p class="quiet">
    ${plural(data.nodes.length, 'subreddit')}, ${plural(data.links.length, 'link')}${data.has_more ? ' (the strongest ones: there are more)' : ''}.
    ${data.isCut && ` The first ${NODES_MAX} subreddits are drawn.`}
    ${data.links_at && html` Links computed <${Time} at=${data.links_at} kind="relative" />`}${data.communities_at && html`, communities <${Time} at=${data.communities_at} kind="relative" />`}.
    ${data.due > 0 && ` ${plural(data.due, 'subreddit')} will get new links soon.`}
  </p>`;
}
