"""Read the progress of the checks for deletions: the age of the oldest check, and the rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, Double, bindparam, case, cast, column, func, select
from sqlalchemy import table as plain_table

from crawljobs.db.tables import deletion_walk, reddit_budgets
from crawljobs.domain.request_budget import DEFAULT_REQUESTS_PER_WINDOW, DEFAULT_WINDOW_SECONDS
from crawljobs.repository.sql import NOW, inline, inline_interval, inline_number, seconds

NAMES = 100  # number of items in one request
# Reddit demands that stored copies of deleted items are deleted within this time.
AIM_SECONDS = 48 * 3_600

_walk, _budget = deletion_walk.c, reddit_budgets.c
_class = plain_table("pg_class", column("reltuples", Double), column("oid")).c
# The server's estimates of the number of rows in each table. Before the first ANALYZE, an estimate
# is -1.
_items = (
    select(func.sum(func.greatest(_class.reltuples, inline_number(0))))
    .where(
        _class.oid.in_([func.to_regclass(inline(name)) for name in ("posts", "comments")]),
    )
    .scalar_subquery()
)
_rate = (
    select(func.sum(cast(_budget.requests_per_window, Double) / _budget.window_seconds))
    .where(_budget.next_slot_at > NOW - inline_interval("1 day"))
    .scalar_subquery()
)
PROGRESS = select(
    _walk.check_days,
    _walk.started_at,
    func.greatest(seconds(NOW - _walk.unchecked_since), inline_number(0)).label("unchecked"),
    (
        func.coalesce(_rate, bindparam("usual_rate", type_=Double))
        * _walk.budget_share
        * bindparam("names_in_aim", type_=BigInteger)
    ).label("names"),
    case((_items > inline_number(0), _items)).label("items"),
).where(_walk.check_days.is_not(None))
_VALUES = {
    "usual_rate": DEFAULT_REQUESTS_PER_WINDOW / DEFAULT_WINDOW_SECONDS,
    "names_in_aim": NAMES * AIM_SECONDS,
}


@dataclass(frozen=True)
class CheckProgress:
    """The progress of the checks for deletions at Reddit.

    - `interval_seconds`: the setting DELETION_CHECK_DAYS.
    - `unchecked_seconds`: each stored item was requested or seen within this time.
    - `share_in_48_hours`: the share of all stored items, from 0 to 1, that workers can request
      within 48 hours with DELETION_CHECK_SHARE of the budget.
    """

    interval_seconds: float
    unchecked_seconds: float
    share_in_48_hours: float
    walk_started_at: datetime | None


def progress(conn: Connection, *, now: datetime | None = None) -> CheckProgress | None:
    """Return the progress. None while the walk is off, or before the first turn of the walk."""
    row = conn.execute(PROGRESS, {**_VALUES, "now": now}).one_or_none()
    if row is None:
        return None
    return CheckProgress(
        interval_seconds=row.check_days * 86_400.0,
        unchecked_seconds=row.unchecked,
        share_in_48_hours=1.0 if row.items is None else min(1.0, row.names / row.items),
        walk_started_at=row.started_at,
    )
