"""Find the minute whose row is due, and round times down to spans that begin at the epoch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, select

from crawljobs.db.tables import queue_history
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.sql import (
    NOW,
    ONE_ROW,
    inline_interval,
    inline_number,
    inline_time,
)

MINUTE, HOUR = inline_interval("1 minute"), inline_interval("1 hour")
# The row of a minute is written this long after the end of the minute. By then, the transactions
# that ended jobs in this minute have committed.
SETTLING = inline_interval("5 seconds")
EPOCH = inline_time("epoch")

# The start and the end of the minute of a row.
AT = bindparam("at", type_=Timestamp)
UNTIL = AT + MINUTE

_row = queue_history.c


def start_of(width: ColumnElement[Any], at: ColumnElement[Any]) -> ColumnElement[datetime]:
    """Round `at` down to a multiple of `width` since the epoch, independent of the time zone."""
    return func.date_bin(width, at, EPOCH, type_=Timestamp)


_minute = (start_of(MINUTE, NOW - SETTLING) - MINUTE).label("at")
_due = select(_minute).subquery("due")
DUE = select(_due.c.at).where(
    ~exists(select(ONE_ROW).where(_row.step_minutes == inline_number(1), _row.at == _due.c.at))
)


def due_minute(conn: Connection, *, now: datetime | None = None) -> datetime | None:
    """Return the start of the last full minute, or None if its row exists."""
    found: datetime | None = conn.execute(DUE, {"now": now}).scalar_one_or_none()
    return found
