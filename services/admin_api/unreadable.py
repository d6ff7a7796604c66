"""The answer to what is not HTTP, which no application sees."""

from __future__ import annotations

import json
import uuid
from http import HTTPStatus

from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]

from admin_api import security_headers
from crawljobs import logs

log = logs.get_logger(__name__)

_STATUSES: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (http_errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (http_errors.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (http_errors.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
    (http_errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (http_errors.ParseException, HTTPStatus.BAD_REQUEST),
    (TimeoutError, HTTPStatus.REQUEST_TIMEOUT),
)


def answer_to(error: BaseException) -> bytes:
    """A whole response with a problem, after which the connection is closed.

    Neither it nor the log repeats what was sent: a header typed wrongly may hold the token.
    """
    status = _status_of(error)
    request_id = uuid.uuid4().hex
    is_bug = status is HTTPStatus.INTERNAL_SERVER_ERROR
    write = log.error if is_bug else log.warning
    write(
        "http.unreadable",
        error=type(error).__name__,
        status=status.value,
        request_id=request_id,
        exc_info=error if is_bug else None,
    )
    return _response(status, request_id)


def _status_of(error: BaseException) -> HTTPStatus:
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def _response(status: HTTPStatus, request_id: str) -> bytes:
    body = json.dumps(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "detail": "The request could not be read as HTTP.",
            "instance": "",
            "code": status.name.lower(),
            "request_id": request_id,
            "errors": [],
        }
    ).encode()
    headers = {
        "Connection": "close",
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "X-Request-Id": request_id,
        **security_headers.HEADERS,
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
