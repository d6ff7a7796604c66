"""Correct deliveries: late times, leases that ended, and states that do not fit the endpoint."""

from __future__ import annotations

import time

from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.domain.webhook import AttemptResult
from crawljobs.repository.history import attempt_minutes
from crawljobs.repository.webhooks import (
    delivery_holding,
    delivery_setbacks,
    interrupted_attempts,
)
from crawljobs.repository.webhooks.replays import overdue_replays
from crawljobs.runtime import logs, metrics
from scheduler.webhooks.claiming import LEASE

log = logs.get_logger(__name__)

MEND_SECONDS = 20.0  # the pause before the next call of _mend, after a call that repaired nothing
RECORD_SECONDS = 60.0  # the pause between two records of the history
SETTLE_SECONDS = 1.0  # the pause between two calls of delivery_holding.settle


class Upkeep:
    """Corrects deliveries periodically. Several processes may do so at the same time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settled_at = self._mended_at = self._ran_at = float("-inf")
        self._recorded_at = float("-inf")
        self._has_overdue = False

    def run(self, *, interrupted: bool) -> None:
        """Run one chunk of each due task.

        `interrupted` is true if the lease of a claimed delivery has ended.

        Raises DatabaseUnavailable.
        """
        if time.monotonic() - self._mended_at >= MEND_SECONDS:
            self._mend()
        if interrupted:
            self._record_interruptions()
        self._plan_replays()
        if time.monotonic() - self._recorded_at >= RECORD_SECONDS:
            self._record_minutes()
        if time.monotonic() - self._settled_at >= SETTLE_SECONDS:
            settled = self._database.run(delivery_holding.settle)
            if not settled.more:
                self._settled_at = time.monotonic()

    def _mend(self) -> None:
        """Repair times that are too late because the clock was set back. Repairs one chunk."""
        mended = self._database.run(lambda conn: delivery_setbacks.mend(conn, lease=LEASE))
        if mended:
            log.warning("clock.mended", what="webhooks", count=mended)
        else:
            self._mended_at = time.monotonic()

    def _plan_replays(self) -> None:
        """Plan overdue replays again after a time without calls of `run`, and at the first call.

        While `run` is called regularly, only a slow receiver can make a replay overdue. Such a
        replay keeps its planned time.
        """
        now = time.monotonic()
        if now - self._ran_at >= overdue_replays.LATE.total_seconds():
            self._has_overdue = True
        if self._has_overdue:
            planned = self._database.run(overdue_replays.plan_again)
            self._has_overdue = planned > 0
        self._ran_at = now

    def _record_minutes(self) -> None:
        """Write the history of the last minutes for charts. An error must not stop deliveries."""
        self._recorded_at = time.monotonic()
        try:
            self._database.run(attempt_minutes.record)
        except errors.DatabaseUnavailable:
            raise
        except Exception:
            log.exception("webhook_history.failed")

    def _record_interruptions(self) -> None:
        """Record the attempts whose process died. Their deliveries are attempted again, or fail."""
        found = self._database.run(lambda conn: interrupted_attempts.record(conn, lease=LEASE))
        if not found:
            return  # another process was faster
        metrics.webhook_attempts.labels(AttemptResult.INTERRUPTED).inc(len(found))
        log.warning("webhook.attempts_lost", count=len(found))
        for each in found:
            if each.has_failed:
                log.error(
                    "webhook.delivery_given_up",
                    endpoint_id=each.endpoint_id,
                    delivery_id=each.id,
                    interruptions=each.times,
                )
