"""The id that ties an answer, its log lines and its audit row together."""

from __future__ import annotations

import re
import uuid

import flask

from crawljobs.domain import access

HEADER = "X-Request-Id"
# What a caller may choose: nothing that could break a log line, a header or a page.
_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def chosen_or_new(offered: str | None) -> str:
    """The caller's id when it is harmless and not a token, which would be shown; else a new one."""
    if offered is not None and _SAFE.fullmatch(offered) and access.id_of(offered) is None:
        return offered
    return uuid.uuid4().hex


def current() -> str:
    """This request's id; made on first use, so that no hook depends on running first."""
    if "request_id" not in flask.g:
        flask.g.request_id = chosen_or_new(flask.request.headers.get(HEADER))
    return str(flask.g.request_id)


def _echo(response: flask.Response) -> flask.Response:
    response.headers[HEADER] = current()
    return response


def install(app: flask.Flask) -> None:
    app.after_request(_echo)
