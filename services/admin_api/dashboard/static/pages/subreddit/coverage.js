// What is missing: ranges that no crawl has read, parts that Reddit did not deliver, and how far back the data go.
import { html } from '../../core/html.js';
import { number, plural, words } from '../../core/format.js';
import { DataTable } from '../../parts/data_table.js';
import { Facts, Section } from '../../parts/page.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';

const GAPS = [
  { id: 'listing', title: 'Listing', cell: (row) => words(row.listing) },
  { id: 'from', title: 'From', cell: (row) => (row.from_at ? html`<${Time} at=${row.from_at} kind="absolute" />` : html`<span>item <code>${row.from_item}</code></span>`) },
  { id: 'to', title: 'To', cell: (row) => html`<${Time} at=${row.to_at} kind="absolute" />` },
  { id: 'found', title: 'Found', cell: (row) => html`<${Time} at=${row.found_at} kind="relative" />` },
];

const MISSING = [
  { id: 'part', title: 'Part', cell: (row) => html`<span>${words(row.kind)} <code>${row.item}</code></span>` },
  { id: 'why', title: 'Why', cell: (row) => html`<span title=${row.message}>${words(row.reason)}: ${row.message}</span>` },
  { id: 'failures', title: 'Crawls', numeric: true, cell: (row) => row.failures, sortBy: (row) => row.failures },
  { id: 'next', title: 'Next check', cell: (row) => html`<${Time} at=${row.next_look_at} kind="relative" />`, sortBy: (row) => row.next_look_at },
];

const ENDS = {
  first_item: 'back to the first post',
  cap: 'as far back as Reddit lists posts',
  limit: 'up to the limit of posts (MAX_POSTS_PER_SUB)',
};

export function Coverage({ subreddit }) {
  const { gap_ranges: gaps, missing, missing_parts: count } = subreddit;
  const isWhole = gaps.length === 0 && count === 0;
  return html`<${Section} title="Completeness">
    ${isWhole && html`<p><${Status} kind="check" value="ok" label="No gap and no missing part is known." /></p>`}
    ${gaps.length > 0 && html`<p><${Status} kind="check" value="warning" label=${plural(subreddit.gaps, 'gap')} /> <span class="quiet">More items were new than Reddit's listings show.</span></p>
      <${DataTable} caption="Gaps" columns=${GAPS} rows=${gaps} rowKey=${(row) => `${row.listing} ${row.from_item}`} />`}
    ${count > 0 && html`<p><${Status} kind="check" value="warning" label=${plural(count, 'missing part')} /> <span class="quiet">Reddit did not deliver them.</span></p>
      <${DataTable} caption="Missing parts" columns=${MISSING} rows=${missing} rowKey=${(row) => `${row.kind} ${row.item}`} />
      ${count > missing.length && html`<p class="quiet">The first ${missing.length} of ${number(count)} parts.</p>`}`}
    <${Facts} items=${[
      ['Posts walked', ENDS[subreddit.posts_walk_end] ?? 'no whole walk yet'],
      ['Last whole walk', html`<${Time} at=${subreddit.whole_walk_at} />`],
      ['Oldest post reached', html`<${Time} at=${subreddit.oldest_post_at} kind="absolute" />`],
      ['Oldest comment listed', html`<${Time} at=${subreddit.oldest_comment_at} kind="absolute" />`],
      subreddit.trees_whole !== null && ['Comment trees of the newest posts', `${number(subreddit.trees_whole)} complete, ${number(subreddit.trees_not_whole)} not`],
    ]} />
  <//>`;
}
