"""Looks for times that only a clock which has been set back since can have written."""

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

EVERY_SECONDS = 20.0  # by one worker
KIND_SECONDS = 2.0  # for one kind in one turn: requeue and rescue wait for it


class ClockMending:
    def __init__(self, database: Database, *, retry: RetryPolicy) -> None:
        self._database = database
        self._retry = retry
        self._isolations = {
            what: RowIsolation(database, task=f"mend {what}", at_most=clock_setbacks.CHUNK)
            for what in clock_setbacks.IN_PIECES
        }

    def run(self) -> int:
        """Take back what lies too far in the future, if it is our turn; how many rows."""
        every = timedelta(seconds=EVERY_SECONDS * 0.8)
        take_turn = partial(task_turns.take_turn, task="clock", every=every)
        if not self._database.run(lambda conn: take_turn(conn)):
            return 0
        mended = 0
        for what in clock_setbacks.MENDS:
            try:
                count = self._mend(what)
            except errors.DatabaseUnavailable:
                raise
            except Exception:  # one kind that cannot be changed must not stop the others
                log.exception("maintenance.failed", task=f"mend {what}")
                continue
            mended += count
            if count:
                log.warning("clock.mended", what=what, count=count)
        return mended

    def _mend(self, what: str) -> int:
        mend = partial(clock_setbacks.mend, what=what, retry=self._retry)
        if what not in self._isolations:
            return self._database.run(mend)
        until = time.monotonic() + KIND_SECONDS
        return self._isolations[what].run(mend, goes_on=lambda: time.monotonic() <= until)
