"""The path of a request, as logs and the audit log show it."""

from __future__ import annotations

import flask

AUTHOR = "author"  # the path parameter with the name of a Reddit account


def shown_path(limit: int) -> str:
    """Return the path of the present request, at most `limit` characters.

    The name of a Reddit account is left out, because an erased name must not stay in a log.
    """
    request = flask.request
    if AUTHOR in (request.view_args or {}):
        return str(request.url_rule)[:limit]
    return request.path[:limit]
