"""The event loop sends replies to readiness probes without a thread."""

import json
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog

from admin_api.http import problems
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


def kept(lines: bytes = b"", *, version: bytes = b"1.1", may_keep: bool = True) -> bool | None:
    head = b"GET /healthz HTTP/" + version + b"\r\n" + lines + b"\r\n"
    probe = probe_replies.parse(head, may_keep=may_keep)
    return None if probe is None else probe.keeps


def test_a_probe_is_kept_by_its_version_its_header_and_the_worker() -> None:
    host = b"Host: x\r\n"
    assert kept(host) is True
    assert kept(host + b"Connection: Keep-Alive\r\n") is True
    assert kept(host + b"Connection: close\r\n") is False
    assert kept(host, version=b"1.0") is False
    assert kept(host + b"Connection: keep-alive\r\n", version=b"1.0") is False
    assert kept(host, may_keep=False) is False
    assert kept(host + host, version=b"1.0") is None
    assert kept(b"Host: x y\r\n", version=b"1.0") is None


@pytest.mark.parametrize(("size", "is_plain"), [(2_048, True), (2_049, False)])
def test_a_plain_probe_has_at_most_2_kib(size: int, is_plain: bool) -> None:
    start = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "
    head = start + b"y" * (size - len(start) - 4) + b"\r\n\r\n"
    assert len(head) == size
    assert (probe_replies.parse(head, may_keep=True) is not None) is is_plain


def test_a_probe_is_measured_from_its_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    times = iter((1_000.0, 1_000.25))
    monkeypatch.setattr(probe_replies, "time", SimpleNamespace(monotonic=lambda: next(times)))
    monkeypatch.setattr(
        probe_replies.api_counters, "observe_request", lambda **given: seen.append(given)
    )
    probe = probe_replies.parse(HEAD, may_keep=True)
    assert probe is not None
    probe_replies.ready(probe, None)
    assert seen == [{"route": "/readyz", "method": "GET", "status": 200, "seconds": 0.25}]


def test_a_process_that_is_not_ready_says_why_and_when_to_try_again() -> None:
    head = b"GET /readyz HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\n\r\n"
    probe = probe_replies.parse(head, may_keep=True)
    assert probe is not None
    problem = problems.Problem("database_unavailable", "Try again.", headers={"Retry-After": "2"})
    reply, _, body = probe_replies.ready(probe, problem).partition(b"\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nContent-Type: application/problem+json\r\n" in reply
    assert reply.endswith(b"\r\nRetry-After: 2")
    assert json.loads(body) == {
        "type": "/docs#database_unavailable",
        "title": "Database unavailable",
        "status": 503,
        "detail": "Try again.",
        "instance": "/readyz",
        "code": "database_unavailable",
        "request_id": "mine",
        "errors": [],
    }


@pytest.mark.parametrize(
    ("path", "status"), [("/healthz", {"status": "ok"}), ("/readyz", {"status": "ready"})]
)
def test_a_process_that_is_well_says_so(path: str, status: dict[str, str]) -> None:
    probe = probe_replies.parse(HEAD.replace(b"/readyz", path.encode()), may_keep=True)
    assert probe is not None
    assert probe.path == path
    reply = probe_replies.alive(probe) if path == "/healthz" else probe_replies.ready(probe, None)
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(reply.partition(b"\r\n\r\n")[2]) == status
