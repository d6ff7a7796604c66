"""Holds the readiness probes that wait for a check of the database. They occupy no thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from admin_api.http import health_replies, problems
from admin_api.http.state import State
from admin_api.server import probe_replies
from admin_api.server.probe_replies import Probe
from crawljobs.errors import DatabaseUnavailable, UnknownSchema
from crawljobs.runtime import logs
from crawljobs.runtime.probes.readiness import DEADLINE_SECONDS

log = logs.get_logger(__name__)

# The age limit of a check of the database, in seconds. When too many probes wait, the oldest probe
# gets the response "ready" if a check within this age succeeded.
READY_SECONDS = 1.0


class WaitingProbes:
    """Makes readiness probes share one database check. Only the event loop may use this class."""

    def __init__(self, answer: Callable[[Any, bytes, bool], None]) -> None:
        """`answer(connection, bytes, keeps)` must send the bytes, which are the response.

        `keeps` is true if the connection stays open after the response.
        """
        self._answer = answer
        self._waiting: dict[Any, Probe] = {}
        self._check: Future[None] | None = None  # the latest check; it calls _on_check_done
        # If the latest check succeeded: the monotonic time of its success. If the latest check
        # failed, or no check has ended yet: -READY_SECONDS.
        self._ready_at = -READY_SECONDS

    def add(self, connection: Any, probe: Probe, state: State, defer: Callable[..., None]) -> None:
        """Respond to the probe now, or after the database check.

        `defer(function, *arguments)` must call the function in the event loop's thread.
        """
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
        """Respond 503 to all probes if the oldest probe has waited for DEADLINE_SECONDS."""
        if self.seconds_left() == 0:
            silent = DatabaseUnavailable(f"no answer within {DEADLINE_SECONDS} s")
            self._send_all(_problem_of(silent))

    def seconds_left(self) -> float | None:
        """Return the seconds until the oldest probe has waited too long. None: no probe waits."""
        # A dict keeps the order in which the probes were added, so the first probe is the oldest.
        first = next(iter(self._waiting.values()), None)
        if first is None:
            return None
        return max(0.0, first.arrived_at + DEADLINE_SECONDS - time.monotonic())

    def __len__(self) -> int:
        return len(self._waiting)

    def repeat_to_oldest(self) -> bool:
        """Respond "ready" to the oldest probe if a recent check succeeded, else return False."""
        if not self._waiting or time.monotonic() - self._ready_at > READY_SECONDS:
            return False
        oldest = next(iter(self._waiting))
        self._send(oldest, self._waiting.pop(oldest), None)
        return True

    def remove_oldest(self) -> Any | None:
        """Remove the oldest probe. Return its connection for the reply, or None if none waits."""
        oldest = next(iter(self._waiting), None)
        self._waiting.pop(oldest, None)
        return oldest

    def _send_all(self, why_not: problems.Problem | None) -> None:
        waiting, self._waiting = self._waiting, {}
        for connection, probe in waiting.items():
            self._send(connection, probe, why_not)

    def _send(self, connection: Any, probe: Probe, why_not: problems.Problem | None) -> None:
        self._answer(connection, probe_replies.ready(probe, why_not), probe.keeps)


def _why_not(check: Future[None]) -> problems.Problem | None:
    """Return the problem of a failed check, or None if the database is ready."""
    error = check.exception()
    return None if error is None else _problem_of(error)


def _problem_of(error: BaseException) -> problems.Problem:
    if isinstance(error, (DatabaseUnavailable, UnknownSchema)):
        log.warning("database.unavailable", error=str(error))
        return problems.unavailable_database(error)
    log.error("http.request_failed", path="/readyz", exc_info=error)
    return problems.Problem("internal_error", "The log has the cause. Please report it.")
