"""Limits the total time of the database calls of one request."""

from __future__ import annotations

import time
from contextvars import ContextVar

import flask

from crawljobs.db import call_deadline

# All database calls of a request must end within this time after the complete request has arrived.
# Each call also has a timeout, but a bulk request of 1,000 items may wait for 1,000 locks in turn.
SECONDS = 10.0

# Monotonic time when the request was complete. The server sets it, because the request may wait for
# a thread afterwards.
arrived_at: ContextVar[float | None] = ContextVar("arrived_at", default=None)


# A request that misses its deadline may have waited long for a thread. If the wait was longer than
# this share of SECONDS, the cause is the busy server and not the database.
_WAIT_SHARE = 0.5

# Seconds that the request waited for a thread.
_waited: ContextVar[float] = ContextVar("waited", default=0.0)


def begin() -> None:
    now = time.monotonic()
    _waited.set(now - (arrived_at.get() or now))
    call_deadline.begin(SECONDS - _waited.get())


def is_over_by_waiting() -> bool:
    """Return whether the request's deadline has passed because the request waited for a thread.

    The wait counts as the cause if it took more than the part _WAIT_SHARE of SECONDS.
    """
    return call_deadline.is_over() and _waited.get() > _WAIT_SHARE * SECONDS


def _end(response: flask.Response) -> flask.Response:
    # Remove the deadline. The stream of an export begins later and must have no deadline, because
    # clients may read slowly.
    call_deadline.end()
    return response


def install(app: flask.Flask) -> None:
    app.before_request(begin)
    app.after_request(_end)
