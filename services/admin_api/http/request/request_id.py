"""The id of a request. The response, the log lines and the audit row contain the id."""

from __future__ import annotations

import re
import uuid

import flask

from crawljobs.domain import api_token

HEADER = "X-Request-Id"
# Ids that clients may send. Their characters cannot break a log line, a header or a web page.
_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def chosen_or_new(offered: str | None) -> str:
    """Return the client's id if it is valid, else a new id.

    An API token is not valid as an id, because logs show ids.
    """
    if offered is not None and _SAFE.fullmatch(offered) and api_token.id_of(offered) is None:
        return offered
    return uuid.uuid4().hex


def current() -> str:
    """Return the request's id. The first call of `current` during a request chooses the id."""
    if "request_id" not in flask.g:
        flask.g.request_id = chosen_or_new(flask.request.headers.get(HEADER))
    return str(flask.g.request_id)


def _echo(response: flask.Response) -> flask.Response:
    response.headers[HEADER] = current()
    return response


def install(app: flask.Flask) -> None:
    app.after_request(_echo)
