// What was crawled: the stored posts and comments of a subreddit, for tokens with the scope content.
import { html } from '../../core/html.js';
import { clip, number } from '../../core/format.js';
import { usePoll } from '../../core/poll.js';
import { useCan } from '../../core/session.js';
import { DataTable } from '../../parts/data_table.js';
import { ExternalLink } from '../../parts/links.js';
import { Section } from '../../parts/page.js';
import { Loaded } from '../../parts/states.js';
import { Tabs, useTab } from '../../parts/tabs.js';
import { Time } from '../../parts/time.js';

const SHOWN = 25; // items of one request
const SECONDS = 60; // crawls store new items seldom

const gone = (row, text) => (row.deleted ? html`<span class="quiet">deleted at Reddit</span>` : row.removed_by_category ? html`<span class="quiet">removed: ${row.removed_by_category}</span>` : text);
const author = { id: 'author', title: 'Author', cell: (row) => row.author ?? '–' };
const score = { id: 'score', title: 'Score', numeric: true, cell: (row) => number(row.score), sortBy: (row) => row.score };
const written = { id: 'written', title: 'Written', cell: (row) => html`<${Time} at=${row.created_at} kind="relative" />`, sortBy: (row) => row.created_at };

const KINDS = {
  posts: [
    {
      id: 'title',
      title: 'Post',
      wide: true,
      cell: (row) => (row.title === null ? gone(row, '–') : html`<${ExternalLink} href=${row.url}>${clip(row.title, 160)}<//>`),
    },
    author,
    score,
    { id: 'comments', title: 'Comments', numeric: true, cell: (row) => number(row.num_comments), sortBy: (row) => row.num_comments },
    written,
  ],
  comments: [
    { id: 'body', title: 'Comment', wide: true, cell: (row) => (row.body === null ? gone(row, '–') : clip(row.body, 200)) },
    author,
    score,
    { id: 'post', title: 'Post', cell: (row) => html`<code>${row.post_id}</code>` },
    written,
  ],
};
const TABS = [{ id: 'posts', label: 'Posts' }, { id: 'comments', label: 'Comments' }];

export function Content({ name }) {
  const canRead = useCan('content');
  return html`<${Section} title="What was crawled">
    ${canRead
      ? html`<${Tabs} name="content" label="Kind of items" items=${TABS} /><${Items} name=${name} />`
      : html`<p class="quiet">This token lacks the scope "content", so it does not show stored posts and comments. Sign in with a token that has this scope.</p>`}
  <//>`;
}

function Items({ name }) {
  const kind = useTab('content', 'posts') === 'comments' ? 'comments' : 'posts';
  const path = `/api/subreddits/${encodeURIComponent(name)}/${kind}`;
  const poll = usePoll(path, { query: { limit: SHOWN }, interval: SECONDS, background: true });
  return html`<${Loaded} poll=${poll} rows=${6} what="subreddit">
    ${(data) => data.items.length === 0
      ? html`<p class="quiet">No ${kind} are stored.</p>`
      : html`<${DataTable} key=${kind} caption=${`Newest ${kind}`} columns=${KINDS[kind]} rows=${data.items} />
          ${data.next && html`<p class="quiet">The newest ${SHOWN} ${kind}. An export has all of them.</p>`}`}
  <//>`;
}
