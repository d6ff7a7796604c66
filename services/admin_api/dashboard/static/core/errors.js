// The error of a request: a problem (RFC 9457) of the API, or a request without an answer.

const UNAVAILABLE = new Set([502, 503, 504]);

export class ApiError extends Error {
  constructor(problem, { status = 0, retryAfter = null, isAborted = false } = {}) {
    super(problem.detail || problem.title || 'The request failed.');
    this.name = 'ApiError';
    this.status = status;
    this.code = problem.code ?? '';
    this.title = problem.title ?? '';
    this.detail = problem.detail ?? '';
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
    this.requestId = problem.request_id ?? '';
    this.retryAfter = retryAfter;
    this.isAborted = isAborted;
    this.current = null;
  }

  get isNetwork() {
    return this.status === 0 && !this.isAborted;
  }

  get isUnavailable() {
    return this.isNetwork || UNAVAILABLE.has(this.status);
  }

  get isConflict() {
    return this.status === 409 || this.status === 412;
  }
}

/** Return the error of a request that the caller, or a newer request, has ended. */
export function aborted() {
  return new ApiError({ code: 'aborted', title: 'Request cancelled' }, { isAborted: true });
}

/** Return the error of a request without an answer. */
export function unreachable(text) {
  const detail = text ?? 'The server cannot be reached. The page asks again by itself.';
  return new ApiError({ code: 'unreachable', title: 'No connection', detail });
}

/** Read the problem of a response. A body that is no problem gives an error with the status alone. */
export async function errorOf(response) {
  const retryAfter = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // A proxy may answer HTML: the status says enough.
  }
  if (problem === null || typeof problem !== 'object') problem = {};
  return new ApiError(
    {
      title: `Status ${response.status}`,
      request_id: response.headers.get('X-Request-Id') ?? '',
      ...problem,
    },
    { status: response.status, retryAfter: Number.isNaN(retryAfter) ? null : retryAfter },
  );
}
