"""The path of a request, as logs and the audit log show it."""

from __future__ import annotations

import functools
import re

import flask

# A path with the name of a Reddit account. The pattern also matches paths that belong to no route,
# such as a path with a slash at its end.
_NAMES_AUTHOR = re.compile(r"(.*?/authors/).+", re.IGNORECASE | re.DOTALL)
_SHOWN = r"\1<author:author>"


def shown_path(limit: int) -> str:
    """Return the path of the present request, at most `limit` characters.

    The name of a Reddit account is left out, because an erased name must not stay in a log.
    """
    return _NAMES_AUTHOR.sub(_SHOWN, flask.request.path)[:limit]


@functools.lru_cache(maxsize=1_000)
def template(rule: str) -> str:
    """Return the path of a rule of Flask as the OpenAPI document shows it."""
    return re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule)
