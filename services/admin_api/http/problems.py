"""Problems (RFC 9457): the error responses of the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import flask
from werkzeug.exceptions import HTTPException

from admin_api.http.request import request_deadline, request_id, shown_path
from admin_api.schemas.problem_kinds import KINDS
from crawljobs import errors
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

RETRY_AFTER_SECONDS = 2  # most failovers and shortages of database connections end within this time
INSTANCE_MAX_CHARACTERS = 500

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
    """An invalid value. `pointer` is a JSON pointer to the value in the body or in the query."""

    pointer: str
    detail: str


@dataclass
class Problem(Exception):
    """An error response, which a view raises. `code` is a key of KINDS."""

    code: str
    detail: str
    fields: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def refuse_value(pointer: str, message: str) -> Problem:
    """Return the problem for a value that passes the schema but breaks another rule."""
    return refuse_values([(pointer, message)])


def refuse_values(errors: Iterable[tuple[str, str]]) -> Problem:
    """Return the problem for several invalid values. Each error is a JSON pointer and a message."""
    return Problem(
        "invalid_request",
        "`errors` lists each invalid value.",
        [FieldError(pointer, message) for pointer, message in errors],
    )


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
    """Return the body of a problem. `req_id` is the id of the request."""
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
    """Return the problem for an exception of Flask or Werkzeug. Keeps headers such as Allow."""
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
    """Return the problem for an unavailable database. The cause is left out: it may name hosts."""
    code = "unknown_schema" if isinstance(error, errors.UnknownSchema) else "database_unavailable"
    detail = "The same request may succeed in a moment."
    return Problem(code, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def busy_server() -> Problem:
    return Problem(
        "service_unavailable",
        "Too many requests are waiting. Send the request again in a moment.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def respond_to_unavailable_database(error: Exception) -> flask.Response:
    if request_deadline.is_over_by_waiting():
        log.warning("request.thread_wait_exceeded", request_id=request_id.current())
        return respond(busy_server())
    log.warning("database.unavailable", error=str(error), request_id=request_id.current())
    return respond(unavailable_database(error))


def respond_to_bug(error: Exception) -> flask.Response:
    log.error(
        "http.request_failed",
        request_id=request_id.current(),
        method=flask.request.method,
        path=shown_path.shown_path(INSTANCE_MAX_CHARACTERS),
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
