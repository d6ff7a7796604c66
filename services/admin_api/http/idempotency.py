"""Idempotency-Key: a repeated POST takes effect once and returns the first response again.

One transaction commits the key, the effect, the audit row and the response. Otherwise a crash could
keep the effect but lose the response. A refused request has no effect, so its response is not
stored.
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
from crawljobs.db.database import Connection
from crawljobs.repository.operations import idempotency_keys

View = TypeVar("View", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# The pattern does not match a pair of quotes with nothing between them. The API removes the quotes
# around a key, so this key would be empty.
_PATTERN = '^(?!""?$)[!-~]+$'
_STORED_HEADERS = ("Location", "ETag", "Content-Type")

PARAMETER: dict[str, Any] = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": _PATTERN},
    "description": (
        "A value that you choose, unique for each change. When a response is lost, send the same "
        "request with the same key. The change happens once, and the API returns the first "
        "response again, for one day."
    ),
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}


def repeatable(view: View, *, secret: bool = False) -> View:
    """Return a view that accepts Idempotency-Key. The body of a `secret` response is not stored."""

    @functools.wraps(view)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if HEADER not in flask.request.headers:
            return view(*arguments, **options)
        key, scope, digest = _key(), _scope(), _request_hash()

        def work(conn: Connection) -> flask.Response:
            if not idempotency_keys.take(conn, scope=scope, key=key):
                raise problems.Problem(
                    "key_in_progress",
                    "A request with this key is in progress. Wait for it, then send yours again.",
                    headers={"Retry-After": str(problems.RETRY_AFTER_SECONDS)},
                )
            stored = idempotency_keys.find(conn, scope=scope, key=key)
            if stored is not None:
                return _replayed(stored, digest)
            _check_room_for_key()
            response = flask.make_response(view(*arguments, **options))
            stored_body = None if secret else response.get_data(as_text=True)
            if not _has_room(len(response.get_data())):
                stored_body = None
            idempotency_keys.store(
                conn,
                scope=scope,
                key=key,
                request_hash=digest,
                status=response.status_code,
                headers={
                    name: response.headers[name]
                    for name in _STORED_HEADERS
                    if name in response.headers
                },
                body=stored_body,
            )
            return response

        return state.current().database.in_shared_transaction(work)

    return cast(View, wrapped)


def _check_room_for_key() -> None:
    """Raise a Problem if the API token may not store another Idempotency-Key.

    Call this before the view. If the view ran and its key could not be stored, a repeated request
    would take effect twice.
    """
    identity = auth.current_identity()
    wait = state.current().stored_responses.seconds_until_room(identity.key)
    if wait > 0 and not identity.is_bootstrap:
        api_counters.throttled("answers")
        raise problems.Problem(
            "too_many_keys",
            "The stored keys and responses of your token take too much space. Send more slowly.",
            headers={"Retry-After": str(math.ceil(wait))},
        )


def _has_room(response_bytes: int) -> bool:
    identity = auth.current_identity()
    return identity.is_bootstrap or state.current().stored_responses.take(
        identity.key, response_bytes
    )


def _key() -> str:
    # The IETF draft puts the key in quotes, but most clients send the key without quotes.
    key = flask.request.headers[HEADER].strip().removeprefix('"').removesuffix('"')
    if not _KEY.fullmatch(key):
        raise problems.refuse_value(f"/{HEADER}", "expected 1 to 255 visible ASCII characters")
    return key


def _scope() -> str:
    request = flask.request
    return f"{auth.current_identity().key} {request.method} {request.path}"


def _request_hash() -> bytes:
    request = flask.request
    return hashlib.sha256(request.query_string + b"\0" + request_body.read()).digest()


def _replayed(stored: idempotency_keys.StoredAnswer, digest: bytes) -> flask.Response:
    if stored.request_hash != digest:
        raise problems.Problem(
            "key_reused", "An earlier, different request used this key. Choose a new key."
        )
    if stored.body is None:
        raise problems.Problem(
            "answer_not_kept",
            "The change was made, but its response was not stored: it held a secret, or the stored "
            "responses of your token take too much space.",
        )
    response = flask.Response(stored.body, stored.status)
    response.headers.update(stored.headers)
    response.headers[REPLAYED_HEADER] = "true"
    return response
