"""Answers 304 to a client that already has the present answer (ETag and If-None-Match)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import flask

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


@dataclass(frozen=True)
class Answer:
    """A JSON body with its ETag."""

    body: bytes
    tag: str


def answer(body: Any, *, moving: AbstractSet[str] = frozenset()) -> Answer:
    """Return the JSON body with its ETag.

    `moving` are the keys whose values change with the time alone, such as the age of a job. The
    ETag leaves them out, so it is weak.
    """
    tagged = json.dumps(_without(body, moving), separators=(",", ":"), sort_keys=True)
    digest = hashlib.blake2b(tagged.encode(), digest_size=_TAG_BYTES).hexdigest()
    return Answer(json.dumps(body, separators=(",", ":")).encode(), digest)


def respond(found: Answer) -> flask.Response:
    """Return the answer, or 304 without a body if If-None-Match has its ETag."""
    if flask.request.if_none_match.contains_weak(found.tag):
        response = flask.Response(status=304)
    else:
        response = flask.Response(found.body, mimetype="application/json")
    response.set_etag(found.tag, weak=True)
    return response


def _without(value: Any, keys: AbstractSet[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner, keys) for key, inner in value.items() if key not in keys}
    return [_without(each, keys) for each in value] if isinstance(value, list) else value
