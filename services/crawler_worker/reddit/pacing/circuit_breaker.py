"""The circuit breaker pauses all workers of a client id during an outage of Reddit."""

from __future__ import annotations

from collections.abc import Callable

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.pacing import pause_reports
from crawler_worker.reddit.pacing.pause_reports import PauseLog
from crawljobs.db.database import Database
from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import Pause, PausedReason, ProbeTurn, Slot
from crawljobs.repository.reddit_api import client_probes, reddit_outages, reply_failures
from crawljobs.runtime import logs

log = logs.get_logger(__name__)


class CircuitBreaker:
    """Stops requests to Reddit after repeated failures.

    The threads of a process share one object. All processes share its state in the database. Each
    method raises DatabaseUnavailable. `on_reply` is called after each failed request and each
    probe. Threads that wait for the process's first reply from Reddit may then continue.
    """

    def __init__(
        self,
        database: Database,
        *,
        client_id: str,
        pause_log: PauseLog,
        on_reply: Callable[[], None],
    ) -> None:
        self._database = database
        self._client_id = client_id
        self._pause_log = pause_log
        self._on_reply = on_reply

    def record_success(self, slot: Slot) -> None:
        """Record that Reddit works. Call this also after a clear refusal, such as 403 or 429."""
        if slot.troubled:
            self._database.run(
                lambda conn: reply_failures.record_good(conn, client_id=self._client_id)
            )

    def is_doubtful(self) -> bool:
        """Return whether the next recorded failure pauses all workers. If so, the caller must
        probe before it records a failure."""
        return self._database.run_statement(
            lambda conn: reply_failures.would_open(conn, client_id=self._client_id)
        )

    def failed(self, detail: str = "") -> float:
        """Record a failed request. Return for how many seconds all workers pause now, or 0."""
        self._on_reply()
        left = self._database.run(
            lambda conn: reply_failures.record_failed(
                conn, client_id=self._client_id, detail=detail
            )
        )
        self._pause_log.record(left, "outage", detail)
        return left

    def take_probe(self, since: float) -> ProbeTurn:
        """Try to take the turn to send a probe, after a reply that was unclear.

        `since` is the age of the reply in seconds. If the caller gets the turn, it must send the
        probe, and the other workers wait for the result. The caller gets no turn in three cases:

        - All workers pause.
        - Another worker probes.
        - A probe began after the reply and has succeeded.
        """
        return self._database.run(
            lambda conn: client_probes.take_probe(conn, client_id=self._client_id, since=since)
        )

    def give_back_probe(self) -> None:
        self._database.run(
            lambda conn: client_probes.give_back_probe(conn, client_id=self._client_id)
        )

    def accepted(self) -> None:
        """Record that a probe succeeded, and end every pause of the circuit breaker."""
        self._on_reply()
        before = self._database.run(
            lambda conn: reddit_outages.record_accepted(conn, client_id=self._client_id)
        )
        if before in request_budget.REFUSED:
            log.error("reddit.accepted_again", reason=before)

    @staticmethod
    def outage_of(pause: Pause) -> crawl_failures.Outage:
        return pause_reports.outage(pause.seconds, pause.reason, pause.detail)

    def pause_for(
        self, reason: PausedReason, detail: str, *, is_probe: bool
    ) -> crawl_failures.Outage:
        """Pause all workers. Return the failure that the caller raises to defer its job.

        If `is_probe` is true, the probe at the end of a pause has failed. The new pause is longer.
        """
        self._on_reply()
        pause = self._database.run(
            lambda conn: reddit_outages.pause(
                conn, client_id=self._client_id, reason=reason, detail=detail, is_probe=is_probe
            )
        )
        pause_reports.log_refused(pause)
        if reason is PausedReason.OUTAGE and not is_probe:
            self._pause_log.record(pause.seconds, "outage", pause.detail)
        return pause_reports.outage(pause.seconds, pause.reason, pause.detail)
