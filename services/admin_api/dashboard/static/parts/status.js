// States as icon and word: the colour repeats the word, so it is never the only sign.
import { html } from '../core/html.js';
import { words } from '../core/format.js';
import { Icon } from './icon.js';

// By kind and value: [icon, tone].
const LOOKS = {
  job: {
    waiting: ['clock', 'warn'],
    queued: ['ring', 'muted'],
    crawling: ['play', 'accent'],
    succeeded: ['check', 'good'],
    failed: ['cross', 'bad'],
    cancelled: ['slash', 'muted'],
  },
  group: {
    open: ['ring', 'muted'],
    running: ['play', 'accent'],
    paused: ['pause', 'warn'],
    held: ['pause', 'warn'],
    finished: ['check', 'good'],
    succeeded: ['check', 'good'],
    unsealed: ['ring', 'accent'],
    partly: ['warn', 'warn'],
    failed: ['cross', 'bad'],
    cancelled: ['slash', 'muted'],
  },
  step: {
    pending: ['clock', 'muted'],
    enqueued: ['play', 'accent'],
    running: ['play', 'accent'],
    held: ['pause', 'warn'],
    skipped: ['skip', 'muted'],
    succeeded: ['check', 'good'],
    failed: ['cross', 'bad'],
    cancelled: ['slash', 'muted'],
  },
  delivery: {
    pending: ['clock', 'muted'],
    held: ['pause', 'warn'],
    delivered: ['check', 'good'],
    failed: ['cross', 'bad'],
    dropped: ['slash', 'muted'],
  },
  webhook: { enabled: ['check', 'good'], disabled: ['slash', 'bad'] },
  schedule: {
    enabled: ['check', 'good'],
    disabled: ['slash', 'muted'],
    broken: ['warn', 'bad'],
    enqueued: ['check', 'good'],
    merged: ['check', 'accent'],
    skipped: ['skip', 'muted'],
    missed: ['warn', 'warn'],
    late: ['clock', 'warn'],
  },
  worker: { alive: ['check', 'good'], draining: ['pause', 'warn'], lost: ['cross', 'bad'], gone: ['slash', 'muted'] },
  access: {
    public: ['check', 'good'],
    restricted: ['lock', 'muted'],
    private: ['lock', 'warn'],
    quarantined: ['warn', 'warn'],
    banned: ['slash', 'bad'],
    not_found: ['slash', 'bad'],
    unknown: ['ring', 'muted'],
  },
  lateness: {
    fresh: ['check', 'good'],
    due: ['clock', 'accent'],
    late: ['warn', 'warn'],
    very_late: ['cross', 'bad'],
    never: ['ring', 'muted'],
    unplanned: ['slash', 'muted'],
  },
  check: { ok: ['check', 'good'], info: ['dot', 'accent'], warning: ['warn', 'warn'], critical: ['cross', 'bad'] },
  operation: {
    pending: ['clock', 'muted'],
    running: ['play', 'accent'],
    succeeded: ['check', 'good'],
    failed: ['cross', 'bad'],
  },
  budget: { available: ['check', 'good'], paused: ['pause', 'bad'], probe_due: ['clock', 'warn'] },
  token: { live: ['check', 'good'], revoked: ['slash', 'muted'], expired: ['clock', 'muted'] },
};

/** Return the tone of a state: for bars and charts. */
export const toneOf = (kind, value) => LOOKS[kind]?.[value]?.[1] ?? 'muted';

/** A state. `label` replaces the word; `note` stands behind it. */
export function Status({ kind = 'job', value, label, note }) {
  if (value === null || value === undefined) return html`<span class="quiet">–</span>`;
  const [icon, tone] = LOOKS[kind]?.[value] ?? ['dot', 'muted'];
  return html`<span class=${`status tone-${tone}`}>
    <${Icon} name=${icon} /><span>${label ?? words(value)}</span>${note && html`<span class="quiet"> ${note}</span>`}
  </span>`;
}
