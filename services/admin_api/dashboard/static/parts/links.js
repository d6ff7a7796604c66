// Links to things that data names. An address from data must be http or https.
import { html } from '../core/html.js';
import { ROOT, hrefOf } from '../core/router.js';

/** Return the address if it is http or https, else null. */
export function safeAddress(text) {
  try {
    const url = new URL(text);
    return ['http:', 'https:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link to another site. An address of another kind stays text. */
export function ExternalLink({ href, children }) {
  const address = safeAddress(href);
  if (!address) return html`<span>${children ?? href}</span>`;
  return html`<a href=${address} target="_blank" rel="noopener noreferrer">${children ?? href}</a>`;
}

export const SubredditLink = ({ name }) =>
  html`<a href=${`${ROOT}/subreddits/${encodeURIComponent(name)}`}>r/${name}</a>`;

export const JobLink = ({ id, children }) => html`<a href=${`${ROOT}/jobs/${id}`}>${children ?? `Job ${id}`}</a>`;
export const GroupLink = ({ id, children }) => html`<a href=${`${ROOT}/groups/${id}`}>${children ?? `Group ${id}`}</a>`;
export const ScheduleLink = ({ id, children }) =>
  html`<a href=${`${ROOT}/schedules/${id}`}>${children ?? `Schedule ${id}`}</a>`;

/** A link to the audit rows of a request. */
export const AuditLink = ({ requestId, children }) =>
  html`<a href=${hrefOf(`${ROOT}/audit`, { request_id: requestId })}>${children ?? 'Audit row'}</a>`;
