"""Limits the total time of the database calls of one request."""

from __future__ import annotations

import time
from contextvars import ContextVar

import flask

from crawljobs.db import call_deadline

# From the arrival of the whole request. Each call has its own timeouts, but a bulk request with a
# lock wait for each of 1,000 items would take minutes.
SECONDS = 10.0

# The arrival on the monotonic clock, set by the server: the request may have waited for a thread.
arrived_at: ContextVar[float | None] = ContextVar("arrived_at", default=None)


# A request that has waited longer than this share of the deadline for a thread is late because the
# server is busy, not because the database is slow.
_WAIT_SHARE = 0.5

_waited: ContextVar[float] = ContextVar("waited", default=0.0)  # seconds without a thread


def begin() -> None:
    now = time.monotonic()
    _waited.set(now - (arrived_at.get() or now))
    call_deadline.begin(SECONDS - _waited.get())


def is_over_by_waiting() -> bool:
    """Whether the deadline is over, mainly because the request waited for a thread."""
    return call_deadline.is_over() and _waited.get() > _WAIT_SHARE * SECONDS


def _end(response: flask.Response) -> flask.Response:
    # A streamed export has no such limit: it lasts as long as the client reads it.
    call_deadline.end()
    return response


def install(app: flask.Flask) -> None:
    app.before_request(begin)
    app.after_request(_end)
