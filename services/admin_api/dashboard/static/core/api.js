// Requests to the REST API: token, ETags, idempotency keys, problems.
import { learn, now } from './clock.js';
import { aborted, errorOf, unreachable } from './errors.js';
import { parseExactly } from './json.js';
import { authorization, onToken, waitForToken } from './session.js';

export { ApiError } from './errors.js';

const KEPT_ANSWERS = 60;
const SECONDS_MAX = 60; // also of an export, which the browser holds in memory
const kept = new Map(); // url -> answer with an ETag; the oldest first

/** Return a path with its query. Lists repeat the parameter; null, undefined, '' and [] leave it out. */
export function urlOf(path, query) {
  const found = new URLSearchParams();
  const pairs = query instanceof URLSearchParams ? [...query] : Object.entries(query ?? {});
  for (const [name, value] of pairs) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== '') found.append(name, String(each));
    }
  }
  const text = found.toString();
  return text ? `${path}?${text}` : path;
}

/** Return a new key for Idempotency-Key: a request that is repeated with its key happens once. */
export function newKey() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return `ui-${[...random].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

onToken(() => kept.clear()); // another token may have other rights

/** Read. Returns the kept answer if the server says that it is unchanged. */
async function get(path, { query, signal } = {}) {
  const url = urlOf(path, query);
  const known = kept.get(url);
  const headers = known?.etag ? { 'If-None-Match': known.etag } : {};
  const answer = await exchange('GET', url, { headers, signal });
  if (answer.status === 304 && known) {
    return { ...known, status: 304, bytes: answer.bytes, ms: answer.ms, at: answer.at };
  }
  kept.delete(url);
  if (answer.etag) kept.set(url, answer);
  if (kept.size > KEPT_ANSWERS) kept.delete(kept.keys().next().value);
  return answer;
}

/**
 * Change. A POST gets an Idempotency-Key, unless `key` is false, as for a dry run. A repetition after
 * a sign-in has the same key. `resource` is the path that is read again after a 412.
 */
async function send(method, path, { body, query, ifMatch, key, signal, resource = path } = {}) {
  const headers = {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (ifMatch) headers['If-Match'] = ifMatch;
  if (method === 'POST' && key !== false) headers['Idempotency-Key'] = key ?? newKey();
  const text = body === undefined ? undefined : JSON.stringify(body);
  try {
    return await exchange(method, urlOf(path, query), { headers, body: text, signal });
  } catch (error) {
    if (error.status === 412) error.current = await get(resource, { signal }).catch(() => null);
    throw error;
  }
}

/** Read a text, such as an export. Its `data` is the text. */
const text = (path, { query, signal } = {}) =>
  exchange('GET', urlOf(path, query), { headers: { Accept: '*/*' }, isText: true, signal });

/** Send a request, also after each new sign-in, and return its answer. Throws ApiError. */
async function exchange(method, url, options) {
  for (;;) {
    const used = authorization();
    if (used === null) {
      if (!(await waitForToken(null, null)) || options.signal?.aborted) throw aborted();
      continue;
    }
    try {
      return await exchangeOnce(method, url, used, options);
    } catch (error) {
      if (error.status !== 401 || !(await waitForToken(used, error))) throw error;
      if (options.signal?.aborted) throw aborted();
    }
  }
}

async function exchangeOnce(method, url, used, { headers = {}, body, isText, signal }) {
  const limit = AbortSignal.timeout(SECONDS_MAX * 1000);
  const sentAt = Date.now();
  const began = performance.now();
  let response;
  let text;
  try {
    response = await fetch(url, {
      method,
      body,
      headers: { Accept: 'application/json', ...headers, ...(used && { Authorization: used }) },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
    });
    learn(response.headers.get('Date'), sentAt, Date.now());
    if (!response.ok && response.status !== 304) throw await errorOf(response);
    text = await response.text();
  } catch (error) {
    if (error.name === 'ApiError') throw error;
    if (signal?.aborted) throw aborted();
    throw unreachable(limit.aborted ? `The server did not answer within ${SECONDS_MAX} s.` : null);
  }
  return {
    data: isText ? text : text ? parsed(text) : null,
    status: response.status,
    etag: response.headers.get('ETag'),
    location: response.headers.get('Location'),
    requestId: response.headers.get('X-Request-Id'),
    bytes: sizeOf(url, text),
    ms: Math.round(performance.now() - began),
    at: now(),
  };
}

function parsed(text) {
  try {
    return parseExactly(text);
  } catch {
    throw unreachable('The answer of the server is no JSON. A proxy may have changed it.');
  }
}

/** Return the bytes on the wire if the browser knows them, else the length of the text. */
function sizeOf(url, text) {
  const last = performance.getEntriesByName(new URL(url, location.href).href).pop();
  // The browser records 250 requests and then no more.
  if (performance.getEntriesByType('resource').length > 150) performance.clearResourceTimings();
  return last?.transferSize || text.length;
}

/** Return the identity of a token. Opens no dialog. Throws ApiError. */
export const whoami = async (token) =>
  (await exchangeOnce('GET', '/api/whoami', `Bearer ${token}`, {})).data;

export const api = { get, send, text };
