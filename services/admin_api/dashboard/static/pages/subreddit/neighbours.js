// The strongest neighbours of a subreddit in the map.
import { html } from '../../core/html.js';
import { number } from '../../core/format.js';
import { ROOT, hrefOf } from '../../core/router.js';
import { DataTable } from '../../parts/data_table.js';
import { SubredditLink } from '../../parts/links.js';
import { Section } from '../../parts/page.js';

const COLUMNS = [
  { id: 'name', title: 'Subreddit', cell: (row) => html`<${SubredditLink} name=${row.name} />`, sortBy: (row) => row.name.toLowerCase() },
  { id: 'shared', title: 'Shared authors', numeric: true, cell: (row) => number(row.shared_authors), sortBy: (row) => row.shared_authors },
  { id: 'weight', title: 'Weight', numeric: true, cell: (row) => row.weight.toFixed(3), sortBy: (row) => row.weight },
];

export function Neighbours({ subreddit }) {
  const { neighbours, name } = subreddit;
  const map = html`<a href=${hrefOf(`${ROOT}/map`, { around: name })}>Show on the map</a>`;
  return html`<${Section} title="Neighbours" actions=${neighbours.length > 0 && map}>
    ${neighbours.length === 0
      ? html`<p class="quiet">No other subreddit with shared authors is known yet. Workers compute the map after crawls.</p>`
      : html`<${DataTable} caption="Neighbours" columns=${COLUMNS} rows=${neighbours} />`}
  <//>`;
}
