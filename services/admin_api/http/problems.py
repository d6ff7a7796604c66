"""The errors of the API as RFC 9457 problems: codes, titles, responses."""

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

RETRY_AFTER_SECONDS = 2  # most failovers and full pools last less
INSTANCE_MAX_CHARACTERS = 500


class Kind(NamedTuple):
    status: int
    title: str


# By `code`, which programs read. The `type` of a problem links to its row at /docs.
KINDS: dict[str, Kind] = {
    "bad_request": Kind(400, "Bad request"),
    "broken_body": Kind(400, "Request body incomplete or malformed"),
    "invalid_json": Kind(400, "Request body is not valid JSON"),
    "unknown_parameter": Kind(400, "Unknown query parameter"),
    "invalid_cursor": Kind(400, "Cursor is not valid for this list"),
    "missing_token": Kind(401, "Bearer token required"),
    "invalid_token": Kind(401, "Bearer token not valid"),
    "insufficient_scope": Kind(403, "Token lacks a required scope"),
    "insufficient_lifetime": Kind(403, "The other token expires later than your token"),
    "not_found": Kind(404, "Not found"),
    "method_not_allowed": Kind(405, "Method not allowed"),
    "body_timeout": Kind(408, "Request body did not arrive in time"),
    "duplicate_name": Kind(409, "Name already in use"),
    "subreddit_gone": Kind(409, "Subreddit of the schedule cannot be crawled"),
    "illegal_transition": Kind(409, "State of the job does not allow this change"),
    "live_job_exists": Kind(409, "Subreddit has another live job"),
    "count_mismatch": Kind(409, "Filter matches a different number of jobs"),
    "not_paused": Kind(409, "Not paused"),
    "too_many_tokens": Kind(409, "Name already has two live tokens"),
    "token_revoked": Kind(409, "Token is already revoked"),
    "key_in_progress": Kind(409, "Request with this Idempotency-Key in progress"),
    "answer_not_kept": Kind(409, "Change already made; its response was not stored"),
    "precondition_failed": Kind(412, "Resource changed since you read it"),
    "body_too_large": Kind(413, "Request body too large"),
    "unsupported_media_type": Kind(415, "Content-Type must be application/json"),
    "invalid_request": Kind(422, "Invalid values in the request"),
    "key_reused": Kind(422, "Idempotency-Key belongs to another request"),
    "too_many_matches": Kind(422, "Filter matches too many jobs"),
    "precondition_required": Kind(428, "If-Match header required"),
    "too_many_requests": Kind(429, "Token exceeds its request rate"),
    "too_many_keys": Kind(429, "Stored responses of the token take too much space"),
    "too_many_exports": Kind(429, "Too many exports in progress"),
    "too_many_failures": Kind(429, "Too many wrong tokens from this address"),
    "internal_error": Kind(500, "Internal server error"),
    "database_unavailable": Kind(503, "Database unavailable"),
    "shutting_down": Kind(503, "Server is shutting down"),
    "unknown_schema": Kind(503, "Database schema unknown to this version"),
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

_DETAIL_OF_STATUS = {404: "No resource has this path. /docs lists the paths."}


@dataclass(frozen=True)
class FieldError:
    """An invalid value; `pointer` is a JSON pointer into the body or the query."""

    pointer: str
    detail: str


@dataclass
class Problem(Exception):
    """An error with a code of KINDS. Raise it anywhere in a request to return that problem."""

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
    req_id: str,
) -> dict[str, Any]:
    """The body of a problem; `req_id` is the id of the request."""
    return {
        "type": f"/docs#{code}" if code in KINDS else "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": req_id,
        "errors": [{"pointer": error.pointer, "detail": error.detail} for error in fields],
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
        req_id=request_id.current(),
    )
    response = flask.jsonify(body)
    response.status_code = status
    response.mimetype = "application/problem+json"
    response.headers.update(headers or {})
    return response


def respond_to_http_exception(error: HTTPException) -> flask.Response:
    """The problem for an exception of Flask or Werkzeug. Keeps headers such as Allow."""
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
    """The problem for clients. The cause may name hosts and files, so only the log has it."""
    code = "unknown_schema" if isinstance(error, errors.UnknownSchema) else "database_unavailable"
    detail = "The same request may succeed in a moment."
    return Problem(code, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def respond_to_unavailable_database(error: Exception) -> flask.Response:
    log.warning("database.unavailable", error=str(error), request_id=request_id.current())
    return respond(unavailable_database(error))


def respond_to_bug(error: Exception) -> flask.Response:
    log.error(
        "http.request_failed",
        request_id=request_id.current(),
        method=flask.request.method,
        path=flask.request.path,
        exc_info=error,
    )
    return respond(
        Problem("internal_error", "The log has the cause under this request_id. Please report it.")
    )


def install(app: flask.Flask) -> None:
    app.register_error_handler(Problem, respond)
    app.register_error_handler(HTTPException, respond_to_http_exception)
    app.register_error_handler(errors.DatabaseUnavailable, respond_to_unavailable_database)
    app.register_error_handler(errors.UnknownSchema, respond_to_unavailable_database)
    app.register_error_handler(Exception, respond_to_bug)
