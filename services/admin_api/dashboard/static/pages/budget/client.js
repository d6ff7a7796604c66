// One Reddit client id: its state with the remedy, its window as a strip, its last refusals.
import { html } from '../../core/html.js';
import { number, plural, words } from '../../core/format.js';
import { Strip } from '../../parts/chart.js';
import { Facts, Section } from '../../parts/page.js';
import { Status } from '../../parts/status.js';
import { Time } from '../../parts/time.js';

const at = (time, none) => (time ? html`<${Time} at=${time} />` : none);

export function ClientBudget({ client }) {
  const own = Math.max(0, client.reserved - client.others);
  const state = html`<${Status} kind="budget" value=${client.state} note=${client.reason && words(client.reason)} />`;
  return html`<${Section} title=${`Client id ${client.client_id}`} actions=${state}>
    ${client.remedy && html`<p class="note tone-warn">${client.remedy}${client.detail ? ` Observed: ${client.detail}` : ''}</p>`}
    <${Strip} label="Requests of the window" total=${client.usable} unit="requests" parts=${[
      { label: 'used by these workers', value: own, tone: 'accent' },
      { label: 'used by others', value: client.others, tone: 'warn' },
    ]} />
    <${Facts} items=${[
      ['Left in this window', `${number(client.remaining)} of ${number(client.usable)} (Reddit's limit: ${number(client.requests_per_window)})`],
      ['The window ends', at(client.window_ends_at)],
      ['Earliest next request', at(client.next_slot_at)],
      client.paused_until && ['Paused until', at(client.paused_until)],
      client.next_probe_at && ['Next test of Reddit', at(client.next_probe_at)],
      ['Credentials', words(client.credentials)],
      ['Last 429', at(client.last_throttled_at, 'none')],
      client.throttles_in_a_row > 0 && ['429 in a row', number(client.throttles_in_a_row)],
      ['Failures among the last 20 replies', `${number(client.failed_replies)}; 10 start a pause`],
      client.outages_in_a_row > 0 && ['Failed tests in a row', plural(client.outages_in_a_row, 'test')],
      ['In use', client.in_use ? 'within the last day' : 'not within the last day'],
    ]} />
  <//>`;
}
