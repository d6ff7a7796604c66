// One webhook: its settings, its success and latency over time, its deliveries, and its changes.
import { html } from '../../core/html.js';
import { words } from '../../core/format.js';
import { usePoll } from '../../core/poll.js';
import { hrefOf } from '../../core/router.js';
import { GroupLink, SubredditLink } from '../../parts/links.js';
import { Card, Cards, Facts, Page, Section } from '../../parts/page.js';
import { Raw } from '../../parts/raw.js';
import { Loaded } from '../../parts/states.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';
import { WebhookActions } from './webhook_actions.js';
import { AttemptCharts } from './charts.js';
import { Deliveries } from './deliveries.js';
import { endedText, latencyText, shareText } from './health.js';

const LIST = '/api/admin/webhooks';
const REASONS = {
  operator: 'An operator disabled it. It gets no events, and those of the meantime are not sent later.',
  gone: 'Its receiver answered 410. Events are held until it is enabled.',
  failing: 'No attempt succeeded for 5 days. Events are held until it is enabled.',
};

export function Webhook({ params }) {
  const path = `${LIST}/${encodeURIComponent(params.id)}`;
  const poll = usePoll(path, { interval: 15 });
  const health = usePoll(`${LIST}/health`, { interval: 15, background: true });
  const one = poll.data;
  const lead = one && html`<${Status} kind="webhook" value=${one.state} note=${one.disabled_reason && words(one.disabled_reason)} /> <code class="address">${one.url}</code>`;
  return html`<${Page} title=${`Webhook ${params.id}`} lead=${lead} actions=${one && html`<${WebhookActions} webhook=${one} />`}>
    <${Loaded} poll=${poll} what="webhook" rows=${10}>
      ${(data) => html`<div class="stack">
        ${data.state === 'disabled' && html`<p class="note tone-bad calm">${REASONS[data.disabled_reason] ?? 'It is disabled.'}${data.disabled_detail ? ` ${data.disabled_detail}` : ''}</p>`}
        <${Health} health=${health.data?.endpoints.find((each) => each.endpoint_id === data.id)} />
        <${AttemptCharts} id=${data.id} />
        <${Deliveries} webhook=${data} />
        <${Section} title="Settings"><${Facts} items=${factsOf(data)} /><//>
        <${Raw} data=${data} path=${path} />
      </div>`}
    <//>
  <//>`;
}

function Health({ health }) {
  const share = health?.success_share ?? null;
  const tone = share === null ? 'neutral' : share >= 0.99 ? 'good' : share >= 0.9 ? 'warn' : 'bad';
  return html`<${Cards}>
    <${Card} title="Delivered in 24 hours" value=${shareText(health)} note=${endedText(health) || 'ended deliveries'} tone=${tone} />
    <${Card} title="95% of the answers within" value=${latencyText(health?.duration_ms_p95)} note="last attempts of 24 hours" />
    <${Card} title="Half of the answers within" value=${latencyText(health?.duration_ms_p50)} note="last attempts of 24 hours" />
  <//>`;
}

function factsOf(one) {
  const { group_id: group, source, subreddit } = one.filter;
  const filter = [
    group && html`<${GroupLink} id=${group} />`,
    source && ` jobs from ${words(source)}`,
    subreddit && html` <${SubredditLink} name=${subreddit} />`,
  ].filter(Boolean);
  const at = (time, none = 'never') => (time ? html`<${Time} at=${time} />` : none);
  return [
    ['Address', html`<code class="address">${one.url}</code>`],
    ['Events', one.events.join(', ')],
    ['Only of', filter.length > 0 ? filter : 'no filter: all events of these types'],
    ['Description', one.description ?? '–'],
    ['Secret', html`version ${one.secret_version}${one.previous_secret_until && html`; the former one signs too, until <${Time} at=${one.previous_secret_until} />`}`],
    ['Last success', at(one.last_success_at)],
    ['Last failure', at(one.last_failure_at)],
    one.first_failure_at && ['Fails since', at(one.first_failure_at)],
    one.disabled_at && ['Disabled', at(one.disabled_at)],
    ['Created', html`<${Time} at=${one.created_at} /> by ${one.created_by}`],
    ['Changed', at(one.updated_at)],
    ['Changes by operators', html`<a href=${hrefOf('/ui/audit', { resource_type: 'webhook', resource_id: one.id })}>Audit log</a>`],
  ];
}
