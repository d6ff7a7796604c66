"""The event loop sends replies to readiness probes without a thread."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog

from admin_api.server import probe_replies
from admin_api.server.waiting_probes import WaitingProbes
from crawljobs.errors import DatabaseUnavailable

HEAD = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"


def replied(check: "Future[None]") -> bytes:
    """Return the reply to a probe after the check of the database has ended."""
    sent: list[bytes] = []
    probes = WaitingProbes(lambda _connection, reply, _keeps: sent.append(reply))
    state = SimpleNamespace(
        drain=SimpleNamespace(has_begun=False),
        readiness=SimpleNamespace(start_check=lambda: check),
    )
    probe = probe_replies.parse(HEAD, may_keep=True)
    assert probe is not None
    probes.add(object(), probe, cast(Any, state), lambda function, *given: function(*given))
    (reply,) = sent
    return reply


@pytest.mark.parametrize(
    ("error", "status", "event", "level"),
    [
        (ZeroDivisionError("secret"), 500, "http.request_failed", "error"),
        (DatabaseUnavailable("no route"), 503, "database.unavailable", "warning"),
    ],
)
def test_a_check_that_fails_is_logged_and_its_cause_is_not_sent(
    error: Exception, status: int, event: str, level: str
) -> None:
    check: Future[None] = Future()
    check.set_exception(error)
    with structlog.testing.capture_logs() as logged:
        reply = replied(check)
    assert reply.startswith(f"HTTP/1.1 {status} ".encode())
    assert str(error).encode() not in reply
    (line,) = logged
    assert (line["event"], line["log_level"]) == (event, level)
    assert line.get("exc_info", error) is error


def test_a_check_that_succeeds_is_200_and_no_line_of_the_log() -> None:
    check: Future[None] = Future()
    check.set_result(None)
    with structlog.testing.capture_logs() as logged:
        assert replied(check).startswith(b"HTTP/1.1 200 ")
    assert logged == []
