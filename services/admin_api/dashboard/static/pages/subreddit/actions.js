// The changes of one subreddit: crawl now, pause and resume, least times between crawls, erase its content.
import { html } from '../../core/html.js';
import { useCommands } from '../../core/commands.js';
import { number, plural } from '../../core/format.js';
import { useKeys } from '../../core/keys.js';
import { useCan } from '../../core/session.js';
import { Button } from '../../parts/button.js';
import { Menu } from '../../parts/menu.js';
import { rehearse } from '../../parts/rehearsal.js';
import { openEnqueue } from '../jobs/enqueue.js';

const pause = ({ name }) =>
  rehearse({
    title: `Pause r/${name}`,
    verb: 'Pause',
    scope: 'jobs',
    method: 'POST',
    path: '/api/admin/queue/pause',
    body: { subreddit: name },
    reason: 'required',
    fields: [{ name: 'until', label: 'End', kind: 'time', hint: 'Empty: until it is resumed.', option: '--until' }],
    effect: 'No crawl of this subreddit starts during the pause. A running crawl continues.',
    crawlctl: ['queue', 'pause', '--subreddit', name],
    done: () => `r/${name} is paused`,
  });

const resume = ({ name }) =>
  rehearse({
    title: `Resume r/${name}`,
    verb: 'Resume',
    scope: 'jobs',
    method: 'POST',
    path: '/api/admin/queue/resume',
    body: { subreddit: name },
    effect: 'A job of this subreddit that waited for the end of the pause becomes claimable at once.',
    crawlctl: ['queue', 'resume', '--subreddit', name],
    done: () => `r/${name} is resumed`,
  });

const setIntervals = (subreddit) =>
  rehearse({
    title: `Intervals of r/${subreddit.name}`,
    verb: 'Set',
    scope: 'jobs',
    method: 'PATCH',
    path: `/api/admin/subreddits/${encodeURIComponent(subreddit.name)}`,
    ifMatch: `"${subreddit.version}"`,
    body: {},
    fields: [
      {
        name: 'min_crawl_gap_seconds', label: 'Least time between two crawls, in seconds', kind: 'number', min: 0, max: 31_622_400,
        step: 'any', nullable: true, option: '--crawl-gap', value: subreddit.min_crawl_gap_seconds, hint: 'Empty: no minimum.',
      },
      {
        name: 'min_request_gap_seconds', label: 'Least time between two requests of a crawl, in seconds', kind: 'number', min: 0, max: 3600,
        step: 'any', nullable: true, option: '--request-gap', value: subreddit.min_request_gap_seconds, hint: "Empty: the workers' setting applies.",
      },
    ],
    effect: 'Longer times are gentler to the subreddit, and its data are less fresh. The next crawl uses them.',
    crawlctl: ['subreddits', 'set', subreddit.name],
    done: () => `The intervals of r/${subreddit.name} are set`,
  });

const rowsOf = ({ posts, comments, edges }) => posts + comments + edges;

const erase = ({ name }) =>
  rehearse({
    title: `Erase the content of r/${name}`,
    verb: 'Erase',
    scope: 'erase',
    danger: true,
    method: 'DELETE',
    path: `/api/subreddits/${encodeURIComponent(name)}/content`,
    dryRun: 'query',
    typed: name,
    count: rowsOf,
    summary: (data) =>
      rowsOf(data) === 0
        ? 'Nothing is stored, so nothing would change.'
        : `${plural(data.posts, 'post')}, ${plural(data.comments, 'comment')} and ${plural(data.edges, 'row')} of authors' activity would be deleted${data.more ? '; there may be more' : ''}.`,
    effect: 'Stored posts, comments, activity and links are deleted for good. The subreddit, its jobs and its schedules stay, so its next crawl begins at the start.',
    crawlctl: ['subreddits', 'erase', name],
    done: (data) => (data.operation_id ? `Operation ${data.operation_id} erases ${number(rowsOf(data))} rows` : 'Nothing was stored'),
  });

export function SubredditActions({ subreddit }) {
  const canCrawl = useCan('jobs');
  const crawl = () => openEnqueue({ names: subreddit.name });
  useKeys(canCrawl ? [{ keys: 'n', label: 'Crawl this subreddit now', run: crawl }] : [], 'Page');
  useCommands([canCrawl && { label: `Crawl r/${subreddit.name} now`, hint: 'n', run: crawl }]);
  const items = [
    subreddit.pause
      ? { label: 'Resume', scope: 'jobs', run: () => resume(subreddit) }
      : { label: 'Pause', scope: 'jobs', run: () => pause(subreddit) },
    { label: 'Set intervals', scope: 'jobs', run: () => setIntervals(subreddit) },
    { label: 'Erase content', scope: 'erase', danger: true, run: () => erase(subreddit) },
  ];
  return html`<${Button} kind="primary" scope="jobs" onClick=${crawl}>Crawl now<//>
    <${Menu} label="More" items=${items} />`;
}
