// The token of the reader: typed once, kept in memory or, on request, in this tab's sessionStorage.
import { createStore, useStore } from './store.js';

const NAME = 'crawljobs-token';
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);
const SIGNED_OUT = { state: 'signed-out', identity: null, error: null };
const CHECK_SECONDS = 5;
const FRAGMENT = /^#token=([\x21-\x7e]{1,400})$/;

let token = null;
const waiting = []; // requests that wait for a new token
const tokenListeners = new Set();
const store = createStore({ state: 'checking', identity: null, error: null });
let checkTimer = 0;

/** Call the listener whenever the token is replaced by another one, or forgotten. */
export function onToken(listener) {
  tokenListeners.add(listener);
  return () => tokenListeners.delete(listener);
}

function setToken(value) {
  if (value === token) return;
  token = value;
  for (const listener of [...tokenListeners]) listener();
}

export const getSession = () => store.get();
export const onSession = (listener) => store.subscribe(listener);
export const useSession = () => useStore(store);
export const can = (scope) => store.get().identity?.scopes.includes(scope) ?? false;
export const useCan = (scope) => {
  const { identity } = useSession();
  return !scope || (identity?.scopes.includes(scope) ?? false);
};

/** Return the value of the Authorization header, or null. */
export const authorization = () => (token === null ? null : `Bearer ${token}`);

/** Return a name of the token's rights, which contains no secret, or null before the check. */
export const sessionName = () => {
  const { identity } = store.get();
  return identity && `${identity.token_id ?? 'first'}:${identity.scopes.join('+')}`;
};

/** Take the token of the address, or of this tab's storage, and check it by `whoami`. */
export async function startSession(whoami) {
  const fromAddress = takeFragment();
  const given = fromAddress ?? stored();
  if (given === null) store.set(SIGNED_OUT);
  // A reload of a page with a token of the demo needs no second sign-in.
  else await signIn(given, { keep: true }, whoami);
}

/**
 * Take the token from the fragment, and remove the fragment at once, so that no history keeps it.
 * Only a page of this machine accepts it: the demo opens such an address.
 */
function takeFragment() {
  const found = FRAGMENT.exec(location.hash);
  if (!location.hash.startsWith('#token=')) return null;
  history.replaceState(history.state, '', location.pathname + location.search);
  return found && LOOPBACK.has(location.hostname) ? decodeURIComponent(found[1]) : null;
}

function stored() {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null; // the browser forbids storage
  }
}

function keep(value) {
  try {
    if (value === null) sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, value);
  } catch {
    // Without storage the token stays in memory.
  }
}

/**
 * Check a token, then use it from now on. `whoami(token)` returns its identity, or throws ApiError.
 * Returns null, or the error of a refused token. While the server cannot check it, it is used
 * unchecked, and the check is repeated.
 */
export async function signIn(given, { keep: isKept }, whoami) {
  clearTimeout(checkTimer);
  try {
    const identity = await whoami(given);
    use(given, isKept);
    store.set({ state: 'signed-in', identity, error: null });
    return null;
  } catch (error) {
    if (error.isUnavailable || error.status === 500) {
      use(given, isKept);
      store.set((session) => ({ ...session, state: 'checking', error }));
      const seconds = error.retryAfter ?? CHECK_SECONDS;
      checkTimer = setTimeout(() => signIn(given, { keep: isKept }, whoami), seconds * 1000);
      return null;
    }
    if (error.status !== 429 && stored() === given) keep(null);
    store.set((session) => ({ ...session, state: 'signed-out', error }));
    return error;
  }
}

function use(given, isKept) {
  setToken(given);
  keep(isKept ? given : null);
  for (const resume of waiting.splice(0)) resume(true);
}

/** Forget the token. Requests that wait for a new one end. */
export function signOut() {
  clearTimeout(checkTimer);
  setToken(null);
  keep(null);
  for (const resume of waiting.splice(0)) resume(false);
  store.set(SIGNED_OUT);
}

/**
 * Open the sign-in dialog, and return a promise: true after a new sign-in, false after signOut().
 * `refused` is the Authorization header that the server refused; a newer token needs no dialog.
 */
export function waitForToken(refused, error) {
  if (authorization() !== null && authorization() !== refused) return Promise.resolve(true);
  if (error || store.get().state !== 'checking') {
    store.set((session) => ({ ...session, state: 'signed-out', error }));
  }
  return new Promise((resolve) => waiting.push(resolve));
}
