// One subreddit: how fresh its data are, its crawls, its gaps, its neighbours, and what was crawled.
import { html } from '../core/html.js';
import { clip, duration, number, tenths, words } from '../core/format.js';
import { usePoll } from '../core/poll.js';
import { ROOT, hrefOf } from '../core/router.js';
import { Freshness } from '../parts/freshness.js';
import { JobLink } from '../parts/links.js';
import { Facts, Page, Section } from '../parts/page.js';
import { Raw } from '../parts/raw.js';
import { Empty, Loaded } from '../parts/states.js';
import { Status } from '../parts/status.js';
import { Time } from '../parts/time.js';
import { openEnqueue } from './jobs/enqueue.js';
import { SubredditActions } from './subreddit/actions.js';
import { Content } from './subreddit/content.js';
import { Coverage } from './subreddit/coverage.js';
import { Crawls } from './subreddit/crawls.js';
import { ItemsByDay } from './subreddit/items.js';
import { Neighbours } from './subreddit/neighbours.js';

export default function Subreddit({ params }) {
  const path = `/api/admin/subreddits/${encodeURIComponent(params.name)}/overview`;
  const poll = usePoll(path, { interval: 15 });
  const found = poll.data;
  const name = found?.name ?? params.name;
  const lead = found && html`<${Freshness} of=${found.freshness} />${found.title && html`<span>. ${clip(found.title, 120)}</span>`}`;
  return html`<${Page} title=${`r/${clip(name, 60)}`} lead=${lead} actions=${found && html`<${SubredditActions} subreddit=${found} />`}>
    ${poll.error?.status === 404
      ? html`<${Unknown} name=${params.name} />`
      : html`<${Loaded} poll=${poll} what="subreddit" rows=${10}>${(data) => html`<${Found} data=${data} path=${path} />`}<//>`}
  <//>`;
}

/** The state of a name that no crawl, schedule or link has led to. */
const Unknown = ({ name }) => html`<${Empty}
  title=${`r/${clip(name, 60)} is not known here`}
  text="No request, schedule or crawl has led to a subreddit of this name. Enqueue it to crawl it."
  action=${{ label: 'Enqueue it', scope: 'jobs', run: () => openEnqueue({ names: name }) }}
/>`;

function Found({ data, path }) {
  return html`<div class="stack">
    <${PauseNote} subreddit=${data} />
    <${Section} title="Facts"><${Facts} items=${factsOf(data)} /><//>
    <${ItemsByDay} subreddit=${data} />
    <${Crawls} crawls=${data.crawls} />
    <div class="pair">
      <${Coverage} subreddit=${data} />
      <${Neighbours} subreddit=${data} />
    </div>
    <${Content} name=${data.name} />
    <${Raw} data=${data} path=${path} />
  </div>`;
}

function PauseNote({ subreddit }) {
  const { pause, paused } = subreddit;
  if (!pause) {
    return paused ? html`<p class="note tone-warn">The whole queue is paused: no crawl starts. <a href=${`${ROOT}/`}>See the overview</a></p>` : null;
  }
  return html`<p class="note tone-warn">
    <span>No crawl of this subreddit starts: ${pause.paused_by} paused it <${Time} at=${pause.paused_at} kind="relative" />.
      Reason: ${pause.reason}.</span>
    <span>${pause.until ? html`The pause ends <${Time} at=${pause.until} />.` : 'The pause has no end: it lasts until it is resumed.'}</span>
  </p>`;
}

const gapOf = (seconds, otherwise) => (seconds === null ? html`<span class="quiet">${otherwise}</span>` : duration(seconds));

function factsOf(data) {
  const { freshness, live_job: job, access_unconfirmed: other } = data;
  return [
    ['Access', html`<${Status} kind="access" value=${data.access} />${other && html` <span class="quiet">Reddit now shows ${words(other)}, not confirmed yet</span>`}`],
    ['Last crawl', html`<${Time} at=${data.last_crawled_at} />`],
    ['Next crawl', data.next_crawl_at ? html`<${Time} at=${data.next_crawl_at} />` : 'on request only'],
    ['Wanted interval', gapOf(freshness.wanted_seconds, 'not planned')],
    ['Live job', job ? html`<${JobLink} id=${job.id} /> <${Status} value=${job.status} />` : 'none'],
    ['New items a day', tenths(data.items_per_day)],
    ['Items a request', data.items_per_request === null ? html`<span class="quiet">not known yet</span>` : tenths(data.items_per_request)],
    ['Subscribers', number(data.subscribers)],
    ['Least time between crawls', gapOf(data.min_crawl_gap_seconds, 'none')],
    ['Least time between requests', gapOf(data.min_request_gap_seconds, "the workers' setting")],
    data.community && ['Community', html`<a href=${`${ROOT}/subreddits/${encodeURIComponent(data.community.name)}`}>r/${data.community.name}</a>`],
    ['First seen', html`<${Time} at=${data.first_seen_at} />`],
    ['Jobs', html`<a href=${hrefOf(`${ROOT}/jobs`, { subreddit: data.name })}>All jobs of this subreddit</a>`],
  ];
}
