"""Idempotency-Key: a POST that is repeated has its effect once, and gets the first answer again.

Key, effect, audit row and answer commit in one transaction: a crash leaves nothing of them behind,
and there is no moment in which the effect is there and the answer is not. A refusal has no effect,
so it is not kept.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

import flask

from admin_api.http import api_counters, auth, problems, state
from admin_api.http.request import request_body
from admin_api.schemas.fields import refuse_value
from crawljobs.db.database import Connection
from crawljobs.repository.operations import idempotency_keys

View = TypeVar("View", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PATTERN = '^(?!""?$)[!-~]+$'  # quotes around it do not count, so those alone are no key
_KEPT_HEADERS = ("Location", "ETag", "Content-Type")

PARAMETER: dict[str, Any] = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": _PATTERN},
    "description": (
        "Made up by you, unique for each change you want. When the answer got lost, send the same "
        "request with the same key: it happens once, and the first answer comes again, for a day."
    ),
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}


def repeatable(view: View, *, secret: bool = False) -> View:
    """Let callers send Idempotency-Key; `secret`: the answer must not be kept."""

    @functools.wraps(view)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if HEADER not in flask.request.headers:
            return view(*arguments, **options)
        key, scope, digest = _key(), _scope(), _request_hash()

        def work(conn: Connection) -> flask.Response:
            if not idempotency_keys.take(conn, scope=scope, key=key):
                raise problems.Problem(
                    "key_in_progress",
                    "A request with this key is under way; wait for it, then ask again.",
                    headers={"Retry-After": str(problems.RETRY_AFTER_SECONDS)},
                )
            stored = idempotency_keys.find(conn, scope=scope, key=key)
            if stored is not None:
                return _again(stored, digest)
            _refuse_without_room()
            response = flask.make_response(view(*arguments, **options))
            answer = None if secret else response.get_data(as_text=True)
            if not _has_room(len(response.get_data())):
                answer = None
            idempotency_keys.store(
                conn,
                scope=scope,
                key=key,
                request_hash=digest,
                status=response.status_code,
                headers={
                    name: response.headers[name]
                    for name in _KEPT_HEADERS
                    if name in response.headers
                },
                body=answer,
            )
            return response

        return state.current().database.together(work)

    return cast(View, wrapped)


def _refuse_without_room() -> None:
    """Before anything is done: without its key it would be done twice when it is repeated."""
    identity = auth.current_identity()
    wait = state.current().answers.seconds_until_room(identity.key)
    if wait > 0 and not identity.is_bootstrap:
        api_counters.throttled("answers")
        raise problems.Problem(
            "too_many_keys",
            "The keys of your token and their answers take too much room: go on more slowly.",
            headers={"Retry-After": str(math.ceil(wait))},
        )


def _has_room(answer_bytes: int) -> bool:
    identity = auth.current_identity()
    return identity.is_bootstrap or state.current().answers.take(identity.key, answer_bytes)


def _key() -> str:
    # The draft has it in quotes, most callers do not.
    key = flask.request.headers[HEADER].strip().removeprefix('"').removesuffix('"')
    if not _KEY.fullmatch(key):
        raise refuse_value(f"/{HEADER}", "expected 1 to 255 visible ASCII characters")
    return key


def _scope() -> str:
    request = flask.request
    return f"{auth.current_identity().key} {request.method} {request.path}"


def _request_hash() -> bytes:
    request = flask.request
    return hashlib.sha256(request.query_string + b"\0" + request_body.read()).digest()


def _again(stored: idempotency_keys.StoredAnswer, digest: bytes) -> flask.Response:
    if stored.request_hash != digest:
        raise problems.Problem(
            "key_reused", "This key came with another request before; make a new one."
        )
    if stored.body is None:
        raise problems.Problem(
            "answer_not_kept",
            "It was done, but its answer is not repeated: it held a secret, or those of your token "
            "take too much room.",
        )
    response = flask.Response(stored.body, stored.status)
    response.headers.update(stored.headers)
    response.headers[REPLAYED_HEADER] = "true"
    return response
