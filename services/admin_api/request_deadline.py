"""A request does not ask the database for longer than its caller will wait, all calls together."""

from __future__ import annotations

import flask

from crawljobs.db import patience

# Since the request began, or its body was here. Each call has limits of its own, but a thousand
# items, each with a lock to wait for, would be minutes.
SECONDS = 10.0


def begin() -> None:
    patience.begin(SECONDS)


def _end(response: flask.Response) -> flask.Response:
    # What follows the head (an export, page by page) takes as long as the client reads it.
    patience.end()
    return response


def install(app: flask.Flask) -> None:
    app.before_request(begin)
    app.after_request(_end)
