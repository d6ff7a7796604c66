"""Looks for times that only a clock which has been set back since can have written."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from crawljobs import errors, logs
from crawljobs.db.database import Database
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository import clock_setbacks, maintenance_turns

log = logs.get_logger(__name__)

EVERY_SECONDS = 20.0  # by one worker


def mend_all(database: Database, *, retry: RetryPolicy) -> int:
    """Take back what lies too far in the future, if it is our turn; how many rows."""
    every = timedelta(seconds=EVERY_SECONDS * 0.8)
    take_turn = partial(maintenance_turns.take_turn, task="clock", every=every)
    if not database.run(lambda conn: take_turn(conn)):
        return 0
    mended = 0
    for what in clock_setbacks.MENDS:
        try:
            count = database.run(partial(clock_setbacks.mend, what=what, retry=retry))
        except errors.DatabaseUnavailable:
            raise
        except Exception:  # a row that cannot be changed must not stop the others
            log.exception("maintenance.failed", task=f"mend {what}")
            continue
        mended += count
        if count:
            log.warning("clock.mended", what=what, count=count)
    return mended
