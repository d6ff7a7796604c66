// The map as a table that the reader can sort: the keyboard's way to everything in the graph.
import { html } from '../../core/html.js';
import { number } from '../../core/format.js';
import { ROOT, hrefOf } from '../../core/router.js';
import { DataTable } from '../../parts/data_table.js';
import { LATENESS, latenessLabel, latenessOf } from '../../parts/freshness.js';
import { SubredditLink } from '../../parts/links.js';
import { Section } from '../../parts/page.js';
import { Status } from '../../parts/status.js';
import { now } from '../../core/clock.js';

const ORDER = LATENESS.map(([name]) => name);

function columnsOf({ index, chosen, toggle }) {
  const present = now();
  const strongest = (node) => index.linksOf(node.id)[0];
  return [
    {
      id: 'choose',
      title: 'Select',
      cell: (node) => html`<input type="checkbox" class="map-check" aria-label=${`Select r/${node.name}`} checked=${chosen.includes(node.id)} onChange=${() => toggle(node.id)} />`,
    },
    { id: 'name', title: 'Subreddit', cell: (node) => html`<${SubredditLink} name=${node.name} />`, sortBy: (node) => node.name.toLowerCase() },
    { id: 'community', title: 'Community', cell: (node) => (node.community ? `r/${node.community.name}` : '–'), sortBy: (node) => node.community?.name.toLowerCase() },
    {
      id: 'freshness',
      title: 'Freshness',
      cell: (node) => html`<${Status} kind="lateness" value=${latenessOf(node, present)} label=${latenessLabel(latenessOf(node, present))} />`,
      sortBy: (node) => ORDER.indexOf(latenessOf(node, present)),
    },
    { id: 'access', title: 'Access', cell: (node) => html`<${Status} kind="access" value=${node.access} />`, sortBy: (node) => node.access },
    { id: 'subscribers', title: 'Subscribers', numeric: true, cell: (node) => number(node.subscribers), sortBy: (node) => node.subscribers },
    { id: 'authors', title: 'Authors', numeric: true, cell: (node) => number(node.authors), sortBy: (node) => node.authors },
    { id: 'links', title: 'Links', numeric: true, cell: (node) => index.linksOf(node.id).length, sortBy: (node) => index.linksOf(node.id).length },
    {
      id: 'nearest',
      title: 'Nearest (shared)',
      cell: (node) => {
        const link = strongest(node);
        return link ? `r/${index.byId.get(link.id)?.name} (${number(link.shared)})` : '–';
      },
      sortBy: (node) => -(strongest(node)?.weight ?? 0),
    },
  ];
}

export function MapTable({ data, index, chosen, toggle, found, find }) {
  const rows = found ? data.nodes.filter((node) => found.has(node.id)) : data.nodes;
  const around = hrefOf(`${ROOT}/map`, { around: find.trim() });
  return html`<${Section} title="Table">
    ${rows.length === 0
      ? html`<p class="quiet">No shown subreddit has this text in its name. <a href=${around}>Show the neighbourhood of r/${find.trim()}</a></p>`
      : html`<${DataTable} caption="Subreddits of the map" limit=${1500} rows=${rows} columns=${columnsOf({ index, chosen, toggle })} />`}
  <//>`;
}
