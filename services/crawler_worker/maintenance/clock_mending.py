"""Corrects stored timestamps that are too far in the future, because a clock was set back."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial

from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.operations import task_turns
from crawljobs.repository.queue.maintenance import clock_setbacks
from crawljobs.repository.queue.maintenance.row_isolation import RowIsolation
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

EVERY_SECONDS = 20.0  # the interval of the corrections by all workers together
# Time limit for one kind of timestamp in one run. The same thread runs requeue and rescue, which a
# long run would delay.
KIND_SECONDS = 2.0


class ClockMending:
    """Corrects the timestamps that are too far in the future, each kind in its own transactions."""

    def __init__(self, database: Database, *, retry: RetryPolicy) -> None:
        self._database = database
        self._retry = retry
        self._isolations = {
            kind: RowIsolation(database, task=f"mend {kind}", at_most=clock_setbacks.CHUNK)
            for kind in clock_setbacks.IN_PIECES
        }

    def run(self) -> int:
        """Correct each timestamp that is too far in the future.

        Do nothing if any worker has corrected timestamps in about the last EVERY_SECONDS.

        Return the number of corrected rows. Raises DatabaseUnavailable.
        """
        every = timedelta(seconds=EVERY_SECONDS * 0.8)
        take_turn = partial(task_turns.take_turn, task="clock", every=every)
        if not self._database.run(lambda conn: take_turn(conn)):
            return 0
        mended = 0
        for kind in clock_setbacks.MENDS:
            try:
                count = self._mend(kind)
            except errors.DatabaseUnavailable:
                raise
            except Exception:  # a failure of one kind of timestamp must not stop the others
                log.exception("maintenance.failed", task=f"mend {kind}")
                continue
            mended += count
            if count:
                log.warning("clock.mended", what=kind, count=count)
        return mended

    def _mend(self, kind: str) -> int:
        mend = partial(clock_setbacks.mend, what=kind, retry=self._retry)
        if kind not in self._isolations:
            return self._database.run(mend)
        until = time.monotonic() + KIND_SECONDS
        return self._isolations[kind].run(mend, may_continue=lambda: time.monotonic() <= until)
