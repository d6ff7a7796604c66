"""Builds the responses to requests that are refused before they reach the application."""

from __future__ import annotations

import uuid
from http import HTTPStatus

from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]

from admin_api.http import problems
from admin_api.schemas.problem_kinds import KINDS
from admin_api.server import http_rules, reply_bytes
from admin_api.server.http_rules import Refused
from crawljobs.runtime import logs
from crawljobs.runtime.log_limit import LogLimit

log = logs.get_logger(__name__)

_refused_lines = LogLimit()  # limits the log, because clients can cause thousands of lines a second
_bug_lines = LogLimit()

DETAIL = "The request is not valid HTTP."

_STATUSES: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (http_errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (http_errors.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (http_errors.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
    (http_errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (http_errors.ParseException, HTTPStatus.BAD_REQUEST),
)


def response_to(error: BaseException) -> bytes:
    """Log the error, and return a response as bytes. The caller must then close the connection.

    Neither the response nor the log contains the request, because a malformed header may contain a
    token.
    """
    refused = error if isinstance(error, Refused) else _refused(error)
    status = refused.status
    request_id = uuid.uuid4().hex
    is_bug = status is HTTPStatus.INTERNAL_SERVER_ERROR
    left_out = (_bug_lines if is_bug else _refused_lines).lines_left_out()
    if left_out is not None:
        write = log.error if is_bug else log.warning
        write(
            "http.request_rejected",
            error=type(error).__name__,
            reason=refused.detail,
            status=status.value,
            request_id=request_id,
            lines_left_out=left_out,
            exc_info=error if is_bug else None,
        )
    code, detail = status.name.lower(), refused.detail
    title = KINDS[code].title if code in KINDS else status.phrase
    return reply_bytes.response(
        status,
        problems.document(status.value, code, title, detail, instance="", req_id=request_id),
        req_id=request_id,
        content_type=reply_bytes.PROBLEM_TYPE,
        headers=refused.headers,
    )


def _refused(error: BaseException) -> Refused:
    """Return the refusal for an error of gunicorn's parser. Any other error gets the status 500."""
    if isinstance(error, http_errors.InvalidHTTPVersion) and isinstance(error.version, tuple):
        return http_rules.version_refused()
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return Refused(status, DETAIL)
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "The log has the cause. Please report it.")
