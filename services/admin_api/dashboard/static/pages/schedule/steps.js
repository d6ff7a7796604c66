// The steps of the group that each run creates.
import { html } from '../../core/html.js';
import { plural, words } from '../../core/format.js';
import { hrefOf } from '../../core/router.js';
import { DataTable } from '../../parts/data_table.js';
import { SubredditLink } from '../../parts/links.js';
import { Section } from '../../parts/page.js';

const SHOWN = 200;
const FAILURES = { cancel: 'the step is skipped', proceed: 'the step runs', hold: 'the step waits for an operator' };
const NEEDS = { any: 'any', crawled: 'crawled', complete: 'crawled without a missing part' };

const afterOf = ({ after }) => (after === 'all' ? 'all other steps' : [after ?? []].flat().join(', ') || '–');

const COLUMNS = [
  { id: 'key', title: 'Step', cell: (row) => row.key },
  { id: 'subreddit', title: 'Subreddit', cell: (row) => html`<${SubredditLink} name=${row.subreddit} />`, sortBy: (row) => row.subreddit },
  { id: 'after', title: 'After', wide: true, cell: afterOf },
  { id: 'failure', title: 'If one of these fails', cell: (row) => FAILURES[row.on_upstream_failure] ?? words(row.on_upstream_failure) },
  { id: 'needs', title: 'Needed outcome', cell: (row) => NEEDS[row.require_outcome] ?? words(row.require_outcome) },
  { id: 'priority', title: 'Priority', numeric: true, cell: (row) => row.priority ?? "the schedule's" },
];

export function Steps({ schedule }) {
  const all = html`<a href=${hrefOf('/ui/groups', { schedule_id: schedule.id })}>Groups of this schedule</a>`;
  return html`<${Section} title=${`${plural(schedule.steps.length, 'step')} of each group`} actions=${all}>
    <${DataTable} caption="Steps" columns=${COLUMNS} rows=${schedule.steps} rowKey=${(row) => row.key} limit=${SHOWN} />
  <//>`;
}
