"""What a client gets, and what the log has, when a request never reaches the application."""

import json
from http import HTTPStatus

import pytest
import structlog
from gunicorn.http import errors

from admin_api.http import security_headers
from admin_api.server import http_rules, protocol_errors
from crawljobs.runtime.log_limit import LogLimit

INVALID = "The request is not valid HTTP."
BUG = "The log has the cause. Please report it."


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol_errors, "_refused_lines", LogLimit())
    monkeypatch.setattr(protocol_errors, "_bug_lines", LogLimit())


@pytest.mark.parametrize(
    ("error", "status", "code", "title", "detail"),
    [
        (errors.LimitRequestLine(9, 8), 414, "request_uri_too_long", None, INVALID),
        (errors.LimitRequestHeaders("x"), 431, "request_header_fields_too_large", None, INVALID),
        (errors.ExpectationFailed("x"), 417, "expectation_failed", None, INVALID),
        (errors.UnsupportedTransferCoding("x"), 501, "not_implemented", None, INVALID),
        (errors.InvalidHeader("x"), 400, "bad_request", "Bad request", INVALID),
        (errors.InvalidHTTPVersion("HTTP/x"), 400, "bad_request", "Bad request", INVALID),
        (
            errors.InvalidHTTPVersion((2, 0)),
            505,
            "http_version_not_supported",
            None,
            "Use HTTP/1.0 or HTTP/1.1.",
        ),
        (
            http_rules.late(),
            408,
            "request_timeout",
            None,
            "The request did not arrive in time. Send it again.",
        ),
        (ZeroDivisionError("secret"), 500, "internal_server_error", None, BUG),
    ],
)
def test_an_error_has_its_status_its_code_and_its_line(
    error: Exception, status: int, code: str, title: str | None, detail: str
) -> None:
    with structlog.testing.capture_logs() as logged:
        head, _, body = protocol_errors.response_to(error).partition(b"\r\n\r\n")
    (line,) = logged
    headers = dict(one.split(": ", 1) for one in head.decode().split("\r\n")[1:])
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Connection"] == "close"
    assert headers.keys() >= security_headers.HEADERS.keys()
    problem = json.loads(body)
    assert problem == {
        "type": f"/docs#{code}" if title else "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": "",
        "code": code,
        "request_id": headers["X-Request-Id"],
        "errors": [],
    }
    is_bug = status == 500
    assert line == {
        "event": "http.request_rejected",
        "log_level": "error" if is_bug else "warning",
        "error": type(error).__name__,
        "reason": detail,
        "status": status,
        "request_id": headers["X-Request-Id"],
        "lines_left_out": 0,
        "exc_info": error if is_bug else None,
    }


def test_refusals_do_not_use_up_the_lines_of_bugs() -> None:
    with structlog.testing.capture_logs() as logged:
        for _ in range(1_000):
            reply = protocol_errors.response_to(http_rules.overload())
            assert reply.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nRetry-After: 2\r\n" in reply
        refused = len(logged)
        protocol_errors.response_to(ZeroDivisionError())
    assert 0 < refused < 100
    assert len(logged) == refused + 1
