"""A request does not ask the database for longer than its caller will wait, all calls together."""

from __future__ import annotations

import time
from contextvars import ContextVar

import flask

from crawljobs.db import call_deadline

# Since the whole request was here. Each call has limits of its own, but a thousand
# items, each with a lock to wait for, would be minutes.
SECONDS = 10.0

# By the monotonic clock, when the server knows: it may have waited for a thread since.
came_at: ContextVar[float | None] = ContextVar("came_at", default=None)


def begin() -> None:
    now = time.monotonic()
    call_deadline.begin(SECONDS - (now - (came_at.get() or now)))


def _end(response: flask.Response) -> flask.Response:
    # What follows the head (an export, page by page) takes as long as the client reads it.
    call_deadline.end()
    return response


def install(app: flask.Flask) -> None:
    app.before_request(begin)
    app.after_request(_end)
