"""Every error as one RFC 9457 problem: what may go wrong, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

import flask
from werkzeug.exceptions import HTTPException

from admin_api.http.request import request_id
from crawljobs import errors
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

RETRY_AFTER_SECONDS = 2  # a failover or a full pool is usually over by then
INSTANCE_MAX_CHARACTERS = 500


class Kind(NamedTuple):
    status: int
    title: str


# The `code` of a problem, for programs; `type` points at its line in the docs page.
KINDS: dict[str, Kind] = {
    "bad_request": Kind(400, "The request cannot be understood"),
    "broken_body": Kind(400, "The body broke off or was malformed"),
    "invalid_json": Kind(400, "The body is not JSON"),
    "unknown_parameter": Kind(400, "A query parameter is not known here"),
    "invalid_cursor": Kind(400, "The cursor was not made for this list"),
    "missing_token": Kind(401, "Bearer token required"),
    "invalid_token": Kind(401, "The bearer token is not valid"),
    "insufficient_scope": Kind(403, "The token does not allow this"),
    "insufficient_lifetime": Kind(403, "The token ends before the one it is asked to change"),
    "not_found": Kind(404, "There is nothing here"),
    "method_not_allowed": Kind(405, "The method does not apply here"),
    "body_timeout": Kind(408, "The body did not arrive in time"),
    "duplicate_name": Kind(409, "The name is taken"),
    "subreddit_gone": Kind(409, "The schedule's subreddit is not there any more"),
    "illegal_transition": Kind(409, "The job's state does not allow this"),
    "live_job_exists": Kind(409, "The subreddit has another live job"),
    "count_mismatch": Kind(409, "The filter matches another number of jobs"),
    "not_paused": Kind(409, "Nothing is paused there"),
    "too_many_tokens": Kind(409, "The name has two live tokens already"),
    "token_revoked": Kind(409, "The token was revoked before"),
    "key_in_progress": Kind(409, "A request with this Idempotency-Key is under way"),
    "answer_not_kept": Kind(409, "It was done before, and its answer is not repeated"),
    "precondition_failed": Kind(412, "It was changed since you read it"),
    "body_too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The body has another type than application/json"),
    "invalid_request": Kind(422, "Some values are not valid"),
    "key_reused": Kind(422, "The Idempotency-Key belongs to another request"),
    "too_many_matches": Kind(422, "The filter matches too many jobs"),
    "precondition_required": Kind(428, "Say which version you mean to change"),
    "too_many_requests": Kind(429, "The token asks more often than it may"),
    "too_many_keys": Kind(429, "The token's kept answers take too much room"),
    "too_many_exports": Kind(429, "Too many exports are under way"),
    "too_many_failures": Kind(429, "Too many wrong tokens came from this address"),
    "internal_error": Kind(500, "The server made a mistake"),
    "database_unavailable": Kind(503, "The database cannot answer now"),
    "shutting_down": Kind(503, "This process is on its way out"),
    "unknown_schema": Kind(503, "The database has a schema this version does not know"),
}

_CODE_OF_STATUS = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    500: "internal_error",
}

_DETAIL_OF_STATUS = {404: "Nothing is at this path; /docs shows what there is."}


@dataclass(frozen=True)
class FieldError:
    """One value at fault; `pointer` is a JSON pointer into the body or the query."""

    pointer: str
    detail: str


@dataclass
class Problem(Exception):
    """Raise it anywhere in a request to answer with that code."""

    code: str
    detail: str
    fields: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def respond(problem: Problem) -> flask.Response:
    kind = KINDS[problem.code]
    return _response(
        kind.status, problem.code, kind.title, problem.detail, problem.fields, problem.headers
    )


def document(
    status: int,
    code: str,
    title: str,
    detail: str,
    fields: Sequence[FieldError] = (),
    *,
    instance: str,
    asked_by: str,
) -> dict[str, Any]:
    """The body of a problem; `asked_by` is the id of the request."""
    return {
        "type": f"/docs#{code}" if code in KINDS else "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": asked_by,
        "errors": [{"pointer": one.pointer, "detail": one.detail} for one in fields],
    }


def _response(
    status: int,
    code: str,
    title: str,
    detail: str,
    fields: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> flask.Response:
    body = document(
        status,
        code,
        title,
        detail,
        fields,
        instance=quote(flask.request.path)[:INSTANCE_MAX_CHARACTERS],
        asked_by=request_id.current(),
    )
    response = flask.jsonify(body)
    response.status_code = status
    response.mimetype = "application/problem+json"
    response.headers.update(headers or {})
    return response


def respond_to_http_exception(error: HTTPException) -> flask.Response:
    """Answer what Flask and Werkzeug raise; their other headers (Allow, Retry-After) stay."""
    status = error.code or 500
    headers = {
        name: value
        for name, value in error.get_headers()
        if name.lower() not in ("content-type", "content-length")
    }
    detail = _DETAIL_OF_STATUS.get(status) or error.description or HTTPStatus(status).phrase
    code = _CODE_OF_STATUS.get(status)
    if code is not None:
        return _response(status, code, KINDS[code].title, detail, (), headers)
    phrase = HTTPStatus(status)
    return _response(status, phrase.name.lower(), phrase.phrase, detail, (), headers)


def unavailable_database(error: BaseException) -> Problem:
    """What to tell a client; the cause may name hosts and files, so it goes to the log alone."""
    code = "unknown_schema" if isinstance(error, errors.UnknownSchema) else "database_unavailable"
    detail = "The same request may succeed in a moment."
    return Problem(code, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def respond_to_unavailable_database(error: Exception) -> flask.Response:
    log.warning("database.unavailable", error=str(error), request_id=request_id.current())
    return respond(unavailable_database(error))


def respond_to_bug(error: Exception) -> flask.Response:
    log.error(
        "http.error",
        request_id=request_id.current(),
        method=flask.request.method,
        path=flask.request.path,
        exc_info=error,
    )
    return respond(
        Problem("internal_error", "The log has the cause under this request_id; please report it.")
    )


def install(app: flask.Flask) -> None:
    app.register_error_handler(Problem, respond)
    app.register_error_handler(HTTPException, respond_to_http_exception)
    app.register_error_handler(errors.DatabaseUnavailable, respond_to_unavailable_database)
    app.register_error_handler(errors.UnknownSchema, respond_to_unavailable_database)
    app.register_error_handler(Exception, respond_to_bug)
