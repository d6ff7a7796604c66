// One delivery of a webhook: its event, the request that is sent, and each attempt with the answer.
import { html, useEffect, useRef } from '../../core/html.js';
import { now } from '../../core/clock.js';
import { words } from '../../core/format.js';
import { usePoll } from '../../core/poll.js';
import { Copy } from '../../parts/button.js';
import { GroupLink, JobLink, ScheduleLink, SubredditLink } from '../../parts/links.js';
import { Facts, Page, Section } from '../../parts/page.js';
import { Raw } from '../../parts/raw.js';
import { Loaded } from '../../parts/states.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';
import { DeliveryButton } from './delivery_actions.js';
import { Attempts } from './attempts.js';

const SOON_MS = 10_000;
const LOOKS = 5; // more reads of a delivery whose attempt begins now
const LOOK_MS = 2000;

/** Read a delivery again soon while its attempt is due, such as after a ping; then at the interval. */
function useSoon(poll) {
  const looks = useRef(0);
  const { data, at } = poll;
  const isDue = data?.state === 'pending' && Date.parse(data.next_attempt_at) < now() + SOON_MS;
  useEffect(() => {
    if (!isDue) looks.current = 0;
    if (!isDue || looks.current >= LOOKS) return undefined;
    looks.current += 1;
    const timer = setTimeout(() => poll.refresh(), LOOK_MS);
    return () => clearTimeout(timer);
  }, [isDue, at]);
}

export function Delivery({ params }) {
  const path = `/api/admin/webhooks/deliveries/${encodeURIComponent(params.id)}`;
  const poll = usePoll(path, { interval: 15 });
  const one = poll.data;
  const webhook = usePoll(one ? `/api/admin/webhooks/${one.endpoint_id}` : null, { interval: 60, background: true });
  useSoon(poll);
  const lead = one && html`<${Status} kind="delivery" value=${one.state} /> ${one.type} to <a href=${`/ui/webhooks/${one.endpoint_id}`}>webhook ${one.endpoint_id}</a>`;
  return html`<${Page} title=${`Delivery ${params.id}`} lead=${lead} actions=${one && html`<${DeliveryButton} delivery=${one} withKey />`}>
    <${Loaded} poll=${poll} what="delivery" rows=${10}>
      ${(data) => html`<div class="stack">
        ${data.state === 'held' && html`<p class="note tone-warn calm">It is held because <a href=${`/ui/webhooks/${data.endpoint_id}`}>its webhook</a> is disabled. An enable of the webhook sends it.</p>`}
        <${Section} title="Facts"><${Facts} items=${factsOf(data)} /><//>
        <${Attempts} delivery=${data} />
        <${Request} delivery=${data} url=${webhook.data?.url} />
        <${Raw} data=${data} path=${path} />
      </div>`}
    <//>
  <//>`;
}

const at = (time) => html`<${Time} at=${time} />`;

function factsOf(one) {
  const { schedule_id: schedule, webhook_id: about } = one.data;
  return [
    ['Event', one.type],
    one.job_id && ['Job', html`<${JobLink} id=${one.job_id} />`],
    one.group_id && ['Group', html`<${GroupLink} id=${one.group_id} />`],
    one.subreddit && ['Subreddit', html`<${SubredditLink} name=${one.subreddit} />`],
    schedule && ['Schedule', html`<${ScheduleLink} id=${schedule} />`],
    about && one.type === 'webhook.disabled' && ['Disabled webhook', html`<a href=${`/ui/webhooks/${about}`}>Webhook ${about}</a>`],
    ['Kind', words(one.kind)],
    ['Attempts', `${one.attempts} of ${one.kind === 'ping' ? 1 : 10}`],
    one.next_attempt_at && ['Next attempt', at(one.next_attempt_at)],
    ['Created', at(one.created_at)],
    one.ended_at && ['Ended', at(one.ended_at)],
    ['webhook-id', html`<code class="address">${one.event_id}</code> <${Copy} text=${one.event_id} label="Copy the id" />`],
  ];
}

function Request({ delivery, url }) {
  return html`<${Section} title="Request" actions=${delivery.body && html`<${Copy} text=${delivery.body} label="Copy the body" />`}>
    <p>POST ${url ? html`<code class="address">${url}</code>` : html`<a href=${`/ui/webhooks/${delivery.endpoint_id}`}>the address of the webhook</a>`}</p>
    <${Facts} items=${[
      ['Content-Type', html`<code>application/json</code>`],
      ['User-Agent', 'crawljobs/ and the version of the scheduler'],
      ['webhook-id', html`<code class="address">${delivery.event_id}</code>`],
      ['webhook-timestamp', 'the start of the attempt, in seconds since 1970'],
      ['webhook-signature', 'made for each attempt from the secret; it is not stored'],
    ]} />
    ${delivery.body === null
      ? html`<p class="quiet">The body is made at the first attempt.</p>`
      : html`<div class="raw"><pre tabindex="0" aria-label="Body">${delivery.body}</pre></div>`}
  <//>`;
}
