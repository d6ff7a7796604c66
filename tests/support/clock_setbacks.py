"""A clock that was set back: by how much, and the sweep that mends the times which it wrote."""

from datetime import datetime, timedelta

from crawljobs.db.database import Connection
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue.maintenance import clock_setbacks

RETRY = RetryPolicy()
SETBACKS = [timedelta(hours=2), timedelta(days=30), timedelta(days=400)]


def mend(conn: Connection, now: datetime) -> dict[str, int]:
    """What was mended, and how many of each."""
    found = {
        what: clock_setbacks.mend(conn, what=what, retry=RETRY, now=now)
        for what in clock_setbacks.MENDS
    }
    assert all(clock_setbacks.mend(conn, what=what, retry=RETRY, now=now) == 0 for what in found)
    return {what: count for what, count in found.items() if count}
