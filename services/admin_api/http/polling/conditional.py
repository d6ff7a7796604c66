"""Answers with status 304 if the client already has the answer (ETag and If-None-Match)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import flask

OK, NOT_MODIFIED = 200, 304
HEADERS = {
    "ETag": {
        "schema": {"type": "string"},
        "description": "Send it as If-None-Match. The answer is 304 while nothing has changed.",
    }
}
PARAMETER = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of the answer that you have.",
}
_TAG_BYTES = 12
_MARK = "may_be_unchanged"  # the attribute of views whose answers have an ETag


@dataclass(frozen=True)
class Answer:
    """A JSON body with its ETag."""

    body: bytes
    tag: str


def answer(body: Any, *, moving: AbstractSet[str] = frozenset()) -> Answer:
    """Return the JSON body with its ETag.

    `moving` are the keys whose values change only because time passes, such as the age of a job.
    These values do not change the ETag, so the ETag is weak. The key `checks.value` means only the
    keys `value` inside `checks`.
    """
    tagged = json.dumps(_without(body, moving), separators=(",", ":"), sort_keys=True)
    return Answer(json.dumps(body, separators=(",", ":")).encode(), _digest(tagged.encode()))


def respond(found: Answer) -> flask.Response:
    """Return the answer, or status 304 without a body if If-None-Match has the answer's ETag."""
    if flask.request.if_none_match.contains_weak(found.tag):
        response = flask.Response(status=NOT_MODIFIED)
    else:
        response = flask.Response(found.body, mimetype="application/json")
    response.set_etag(found.tag, weak=True)
    return response


def mark(view: Callable[..., Any]) -> None:
    """Mark a view. The answers of a marked view get an ETag."""
    setattr(view, _MARK, True)


def is_marked(view: object) -> bool:
    """Return whether the view, or the view that it wraps, is marked."""
    return hasattr(view, _MARK)


def _tag(response: flask.Response) -> flask.Response:
    """Add the ETag to the answer of a marked view. Return 304 if the client has this answer."""
    request = flask.request
    view = flask.current_app.view_functions.get(request.endpoint or "")
    is_page = is_marked(view) and response.status_code == OK and not response.is_streamed
    if not is_page or request.method not in ("GET", "HEAD") or "ETag" in response.headers:
        return response
    tag = _digest(response.get_data())
    if request.if_none_match.contains_weak(tag):
        response.status_code = NOT_MODIFIED
        response.set_data(b"")
        for header in ("Content-Type", "Content-Length", "Link"):
            response.headers.pop(header, None)
    response.set_etag(tag, weak=True)
    return response


def install(app: flask.Flask) -> None:
    """Let the app add the ETags.

    Call `install` after all other calls of `after_request`, so that Flask runs `_tag` first.
    """
    app.after_request(_tag)


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=_TAG_BYTES).hexdigest()


def _without(value: Any, keys: AbstractSet[str], inside: str = "") -> Any:
    if isinstance(value, dict):
        return {
            key: _without(inner, keys, key)
            for key, inner in value.items()
            if key not in keys and f"{inside}.{key}" not in keys
        }
    if isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        return [_without(each, keys, inside) for each in value]
    return value  # a list of plain values can be long, so it is not copied
