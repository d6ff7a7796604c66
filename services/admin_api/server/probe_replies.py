"""/healthz and /readyz for the server's loop: no thread is taken, so none has to be free.

Only what asks for nothing else is answered here: a plain GET with a whole head, no body and no
other request behind it. All else goes the way of any request.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from admin_api.http import api_counters, problems
from admin_api.http.request import request_id
from admin_api.http.state import State
from admin_api.resources import health
from admin_api.server import reply_bytes
from crawljobs.errors import DatabaseUnavailable, UnknownSchema
from crawljobs.runtime import logs
from crawljobs.runtime.readiness import DEADLINE_SECONDS

log = logs.get_logger(__name__)

HEAD_BYTES = 2_048
# While too many wait for an answer, "ready" is repeated for so long after the database said it.
READY_SECONDS = 1.0
# Lines of a head as simple as a probe's, each of which is looked at once.
_HEAD = re.compile(
    rb"GET (/healthz|/readyz) HTTP/1\.([01])\r\n((?:[A-Za-z0-9-]+:[\t -~]*+\r\n)*+)\r\n"
)
_LINE = re.compile(rb"([A-Za-z0-9-]+):[\t ]*([\t -~]*?)[\t ]*\r\n")
_HOST = re.compile(rb"[A-Za-z0-9._\[\]:-]*")
# What wants more than an answer: a body, its announcement, another protocol.
_OTHERWISE = {b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"trailer"}


@dataclass(frozen=True)
class Probe:
    path: str
    keeps: bool  # the connection
    asked_by: str
    came_at: float


def asked_for(head: bytes, *, may_keep: bool) -> Probe | None:
    """None for whatever is not a plain question for one of the two.

    `may_keep`: the server lets another request follow on the connection, if the client asks so.
    """
    found = _HEAD.fullmatch(head)
    if found is None or len(head) > HEAD_BYTES:
        return None
    lines = [(name.lower(), value) for name, value in _LINE.findall(found[3])]
    by_name = dict(lines)
    hosts = [value for name, value in lines if name == b"host"]
    is_new = found[2] == b"1"
    wants_to_keep = by_name.get(b"connection", b"keep-alive").lower() == b"keep-alive"
    if _OTHERWISE & by_name.keys() or not all(_HOST.fullmatch(host) for host in hosts):
        return None
    if len(hosts) > 1 or (is_new and not hosts):
        return None
    offered = by_name.get(request_id.HEADER.lower().encode())
    return Probe(
        path=found[1].decode(),
        keeps=may_keep and is_new and wants_to_keep,
        asked_by=request_id.chosen_or_new(None if offered is None else offered.decode()),
        came_at=time.monotonic(),
    )


def alive(probe: Probe) -> bytes:
    return _answered(probe, HTTPStatus.OK, health.ALIVE)


def ready(probe: Probe, why_not: problems.Problem | None) -> bytes:
    if why_not is None:
        return _answered(probe, HTTPStatus.OK, health.READY)
    kind = problems.KINDS[why_not.code]
    body = problems.document(
        kind.status,
        why_not.code,
        kind.title,
        why_not.detail,
        instance=probe.path,
        asked_by=probe.asked_by,
    )
    headers = {"content_type": reply_bytes.PROBLEM_TYPE, "headers": why_not.headers}
    return _answered(probe, HTTPStatus(kind.status), body, **headers)


def _answered(probe: Probe, status: HTTPStatus, body: dict[str, Any], **options: Any) -> bytes:
    seconds = time.monotonic() - probe.came_at
    api_counters.answered(route=probe.path, method="GET", status=status.value, seconds=seconds)
    return reply_bytes.answer(status, body, asked_by=probe.asked_by, keeps=probe.keeps, **options)


class WaitingProbes:
    """Questions for readiness that wait for one answer; used by one thread alone."""

    def __init__(self, answer: Callable[[Any, bytes, bool], None]) -> None:
        """`answer(connection, bytes, keeps)` sends."""
        self._answer = answer
        self._waiting: dict[Any, Probe] = {}
        self._question: Future[None] | None = None  # that will call us
        self._ready_at = -READY_SECONDS  # when the database last answered that it is well

    def add(self, connection: Any, probe: Probe, state: State, defer: Callable[..., None]) -> None:
        """Answer now or later; `defer(function, *arguments)` calls it in this thread, soon."""
        if state.drain.has_begun:
            self._send(connection, probe, health.shutting_down())
            return
        question = state.readiness.ask()
        if question.done():
            self._send(connection, probe, _why_not(question))
            return
        self._waiting[connection] = probe
        if question is not self._question:
            self._question = question
            question.add_done_callback(lambda done: defer(self._answered, done))

    def _answered(self, question: Future[None]) -> None:
        why_not = _why_not(question)
        self._ready_at = time.monotonic() if why_not is None else -READY_SECONDS
        self._send_all(why_not)

    def give_up(self) -> None:
        """Answer those that have waited for too long."""
        if self.seconds_left() == 0:
            silent = DatabaseUnavailable(f"no answer within {DEADLINE_SECONDS} s")
            self._send_all(_problem_of(silent))

    def seconds_left(self) -> float | None:
        """Until the first of them has waited for too long; None when there is none."""
        first = next(iter(self._waiting.values()), None)  # in the order of their coming
        if first is None:
            return None
        return max(0.0, first.came_at + DEADLINE_SECONDS - time.monotonic())

    def __len__(self) -> int:
        return len(self._waiting)

    def repeat_to_oldest(self) -> bool:
        """Answer the one that waits for longest with what was true a moment ago; False: cannot."""
        if not self._waiting or time.monotonic() - self._ready_at > READY_SECONDS:
            return False
        oldest = next(iter(self._waiting))
        self._send(oldest, self._waiting.pop(oldest), None)
        return True

    def remove_oldest(self) -> Any | None:
        """The connection that waits for longest, for the caller to answer; None: none waits."""
        oldest = next(iter(self._waiting), None)
        self._waiting.pop(oldest, None)
        return oldest

    def _send_all(self, why_not: problems.Problem | None) -> None:
        waiting, self._waiting = self._waiting, {}
        for connection, probe in waiting.items():
            self._send(connection, probe, why_not)

    def _send(self, connection: Any, probe: Probe, why_not: problems.Problem | None) -> None:
        self._answer(connection, ready(probe, why_not), probe.keeps)


def _why_not(question: Future[None]) -> problems.Problem | None:
    error = question.exception()
    return None if error is None else _problem_of(error)


def _problem_of(error: BaseException) -> problems.Problem:
    if isinstance(error, (DatabaseUnavailable, UnknownSchema)):
        log.warning("database.unavailable", error=str(error))
        return problems.unavailable_database(error)
    log.error("http.error", path="/readyz", exc_info=error)
    return problems.Problem("internal_error", "The log has the cause; please report it.")
