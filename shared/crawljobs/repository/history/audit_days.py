"""Count the entries of the audit log by day, at a limited cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Integer, bindparam, func, select, true

from crawljobs.db.tables import admin_audit_log
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.sql import (
    NOW,
    ONE_ROW,
    inline_interval,
    inline_number,
    inline_time,
    interval_of,
)

ENTRIES_MAX = 1_000  # the count of a day stops at this number

_DAY = inline_interval("1 day")
_today = func.date_bin(_DAY, NOW, inline_time("epoch"), type_=Timestamp)
_days = (
    func.generate_series(0, bindparam("days", type_=Integer) - ONE_ROW)
    .table_valued("number")
    .render_derived(name="days")
)
# The starts of the last `days` days, including today.
_last_days = (
    select((_today - interval_of(_days.c.number * inline_number(86_400))).label("day"))
    .select_from(_days)
    .cte("day")
    .prefix_with("MATERIALIZED")
)
_of_day = (
    select(ONE_ROW.label("one"))
    .where(admin_audit_log.c.at >= _last_days.c.day, admin_audit_log.c.at < _last_days.c.day + _DAY)
    .limit(inline_number(ENTRIES_MAX))
    .correlate(_last_days)
    .subquery("of_day")
)
_counted = select(func.count().label("entries")).select_from(_of_day).lateral("counted")
DAYS = (
    select(_last_days.c.day, _counted.c.entries)
    .select_from(_last_days.join(_counted, true()))
    .order_by(_last_days.c.day)
)


@dataclass(frozen=True)
class EntriesOfDay:
    """The number of entries of a day in UTC, at most ENTRIES_MAX."""

    day: datetime
    entries: int


def entries_by_day(
    conn: Connection, *, days: int, now: datetime | None = None
) -> Sequence[EntriesOfDay]:
    """Return the last `days` days, the oldest first. The last day is today, until now."""
    found = conn.execute(DAYS, {"days": days, "now": now})
    return [EntriesOfDay(**row._mapping) for row in found]
