"""Responses to /healthz and /readyz from the event loop, without a thread.

Handles only plain probes: a complete GET without a body and without a request behind it. Threads
handle all other requests.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from admin_api.http import api_counters, health_replies, problems
from admin_api.http.request import request_id
from admin_api.http.state import State
from admin_api.schemas.problem_kinds import KINDS
from admin_api.server import reply_bytes
from crawljobs.errors import DatabaseUnavailable, UnknownSchema
from crawljobs.runtime import logs
from crawljobs.runtime.probes.readiness import DEADLINE_SECONDS

log = logs.get_logger(__name__)

HEAD_BYTES = 2_048
# If too many probes wait, the last "ready" is reused for this time after the database's reply.
READY_SECONDS = 1.0
# The head of a plain probe; possessive quantifiers read each byte once.
_HEAD = re.compile(
    rb"GET (/healthz|/readyz) HTTP/1\.([01])\r\n((?:[A-Za-z0-9-]+:[\t -~]*+\r\n)*+)\r\n"
)
_LINE = re.compile(rb"([A-Za-z0-9-]+):[\t ]*([\t -~]*?)[\t ]*\r\n")
_HOST = re.compile(rb"[A-Za-z0-9._\[\]:-]*")
# Headers that announce a body or another protocol, so that the request is no plain probe.
_NOT_PLAIN = {b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"trailer"}


@dataclass(frozen=True)
class Probe:
    path: str
    keeps: bool  # whether the connection stays open
    req_id: str
    arrived_at: float


def parse(head: bytes, *, may_keep: bool) -> Probe | None:
    """The probe in this head; None when it is not a plain probe.

    `may_keep`: the server allows a further request on the connection.
    """
    found = _HEAD.fullmatch(head)
    if found is None or len(head) > HEAD_BYTES:
        return None
    lines = [(name.lower(), value) for name, value in _LINE.findall(found[3])]
    by_name = dict(lines)
    hosts = [value for name, value in lines if name == b"host"]
    is_new = found[2] == b"1"
    wants_to_keep = by_name.get(b"connection", b"keep-alive").lower() == b"keep-alive"
    if _NOT_PLAIN & by_name.keys() or not all(_HOST.fullmatch(host) for host in hosts):
        return None
    if len(hosts) > 1 or (is_new and not hosts):
        return None
    offered = by_name.get(request_id.HEADER.lower().encode())
    return Probe(
        path=found[1].decode(),
        keeps=may_keep and is_new and wants_to_keep,
        req_id=request_id.chosen_or_new(None if offered is None else offered.decode()),
        arrived_at=time.monotonic(),
    )


def alive(probe: Probe) -> bytes:
    return _answered(probe, HTTPStatus.OK, health_replies.ALIVE)


def ready(probe: Probe, why_not: problems.Problem | None) -> bytes:
    if why_not is None:
        return _answered(probe, HTTPStatus.OK, health_replies.READY)
    kind = KINDS[why_not.code]
    body = problems.document(
        kind.status,
        why_not.code,
        kind.title,
        why_not.detail,
        instance=probe.path,
        req_id=probe.req_id,
    )
    headers = {"content_type": reply_bytes.PROBLEM_TYPE, "headers": why_not.headers}
    return _answered(probe, HTTPStatus(kind.status), body, **headers)


def _answered(probe: Probe, status: HTTPStatus, body: dict[str, Any], **options: Any) -> bytes:
    seconds = time.monotonic() - probe.arrived_at
    api_counters.observe_request(
        route=probe.path, method="GET", status=status.value, seconds=seconds
    )
    return reply_bytes.response(status, body, req_id=probe.req_id, keeps=probe.keeps, **options)


class WaitingProbes:
    """Readiness probes that share one database check. Only the event loop's thread uses it."""

    def __init__(self, answer: Callable[[Any, bytes, bool], None]) -> None:
        """`answer(connection, bytes, keeps)` sends a response."""
        self._answer = answer
        self._waiting: dict[Any, Probe] = {}
        self._check: Future[None] | None = None  # the check with our callback
        self._ready_at = -READY_SECONDS  # monotonic time of the last successful check

    def add(self, connection: Any, probe: Probe, state: State, defer: Callable[..., None]) -> None:
        """Respond now, or after the check. `defer(function, *arguments)` calls it in the loop."""
        if state.drain.has_begun:
            self._send(connection, probe, health_replies.shutting_down())
            return
        check = state.readiness.start_check()
        if check.done():
            self._send(connection, probe, _why_not(check))
            return
        self._waiting[connection] = probe
        if check is not self._check:
            self._check = check
            check.add_done_callback(lambda done: defer(self._on_check_done, done))

    def _on_check_done(self, check: Future[None]) -> None:
        why_not = _why_not(check)
        self._ready_at = time.monotonic() if why_not is None else -READY_SECONDS
        self._send_all(why_not)

    def give_up(self) -> None:
        """Respond 503 to all probes when the oldest one has waited for DEADLINE_SECONDS."""
        if self.seconds_left() == 0:
            silent = DatabaseUnavailable(f"no answer within {DEADLINE_SECONDS} s")
            self._send_all(_problem_of(silent))

    def seconds_left(self) -> float | None:
        """The seconds until the oldest probe has waited too long; None when no probe waits."""
        first = next(iter(self._waiting.values()), None)  # dicts keep the order of arrival
        if first is None:
            return None
        return max(0.0, first.arrived_at + DEADLINE_SECONDS - time.monotonic())

    def __len__(self) -> int:
        return len(self._waiting)

    def repeat_to_oldest(self) -> bool:
        """Respond to the oldest probe with the last "ready"; False if there is no recent one."""
        if not self._waiting or time.monotonic() - self._ready_at > READY_SECONDS:
            return False
        oldest = next(iter(self._waiting))
        self._send(oldest, self._waiting.pop(oldest), None)
        return True

    def remove_oldest(self) -> Any | None:
        """Remove and return the connection of the oldest probe; None when no probe waits."""
        oldest = next(iter(self._waiting), None)
        self._waiting.pop(oldest, None)
        return oldest

    def _send_all(self, why_not: problems.Problem | None) -> None:
        waiting, self._waiting = self._waiting, {}
        for connection, probe in waiting.items():
            self._send(connection, probe, why_not)

    def _send(self, connection: Any, probe: Probe, why_not: problems.Problem | None) -> None:
        self._answer(connection, ready(probe, why_not), probe.keeps)


def _why_not(check: Future[None]) -> problems.Problem | None:
    """The problem of a failed check; None when the database is ready."""
    error = check.exception()
    return None if error is None else _problem_of(error)


def _problem_of(error: BaseException) -> problems.Problem:
    if isinstance(error, (DatabaseUnavailable, UnknownSchema)):
        log.warning("database.unavailable", error=str(error))
        return problems.unavailable_database(error)
    log.error("http.request_failed", path="/readyz", exc_info=error)
    return problems.Problem("internal_error", "The log has the cause. Please report it.")
