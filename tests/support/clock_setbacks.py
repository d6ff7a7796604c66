"""Tests of a clock that was set back: the set-back times, and the sweep that corrects times."""

from datetime import datetime, timedelta

from crawljobs.db.database import Connection
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue.maintenance import clock_setbacks

RETRY = RetryPolicy()
SETBACKS = [timedelta(hours=2), timedelta(days=30), timedelta(days=400)]


def mend(conn: Connection, now: datetime) -> dict[str, int]:
    """Run the sweep, and return the number of corrected rows for each kind of row."""
    found = {
        what: clock_setbacks.mend(conn, what=what, retry=RETRY, now=now)
        for what in clock_setbacks.MENDS
    }
    assert all(clock_setbacks.mend(conn, what=what, retry=RETRY, now=now) == 0 for what in found)
    return {what: count for what, count in found.items() if count}
