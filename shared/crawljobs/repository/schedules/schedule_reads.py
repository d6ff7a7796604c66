"""Read, list and lock schedules. schedule_changes and due_schedules change them."""

from __future__ import annotations

import functools
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from crawljobs.domain.schedule import MisfirePolicy, Schedule

# A time written by hand may be infinite, which a datetime cannot hold. These values replace it.
_EARLIEST, _LATEST = "TIMESTAMPTZ '1970-01-01 00:00+00'", "TIMESTAMPTZ '9000-01-01 00:00+00'"


def bounded(time: str) -> str:
    """Return SQL for the time, limited to values that a datetime can hold."""
    return f"CASE WHEN {time} IS NOT NULL THEN greatest(least({time}, {_LATEST}), {_EARLIEST}) END"


def _column(name: str) -> str:
    if name == "subreddit":
        return "coalesce(subreddit.name, '') AS subreddit"  # the row may have been deleted by hand
    if name.endswith("_at"):
        return f"{bounded(f'schedule.{name}')} AS {name}"
    return f"schedule.{name}"


COLUMNS = ", ".join(_column(name) for name in Schedule.__dataclass_fields__)
JOIN = """
    scheduled_jobs AS schedule
    LEFT JOIN subreddits AS subreddit ON subreddit.id = schedule.subreddit_id
    """

_GET = text(f"SELECT {COLUMNS} FROM {JOIN} WHERE schedule.id = :id")

_LOCK = text(f"{_GET.text} FOR UPDATE OF schedule")

_FILTERS = {
    "enabled": "schedule.enabled = :enabled",
    "broken": "(schedule.disabled_reason IS NOT NULL) = :broken",
    "subreddit_id": "schedule.subreddit_id = :subreddit_id",
    "subreddit": "schedule.subreddit_id ="
    " (SELECT id FROM subreddits WHERE lower(name) = lower(:subreddit))",
}


def get_schedule(conn: Connection, *, schedule_id: int) -> Schedule | None:
    """Return the schedule, or None if there is no such schedule."""
    row = conn.execute(_GET, {"id": schedule_id}).first()
    return None if row is None else schedule_of(row)


def lock_schedule(conn: Connection, *, schedule_id: int) -> Schedule | None:
    """Lock the schedule until the transaction ends, and return it; None if there is none."""
    row = conn.execute(_LOCK, {"id": schedule_id}).first()
    return None if row is None else schedule_of(row)


def list_schedules(
    conn: Connection,
    *,
    after_id: int | None = None,
    limit: int = 100,
    enabled: bool | None = None,
    broken: bool | None = None,
    subreddit_id: int | None = None,
    subreddit: str | None = None,
) -> list[Schedule]:
    """Return at most `limit` schedules that match the filters, the oldest first.

    `after_id` is the id of the last schedule of the previous page.
    """
    filters = {
        "enabled": enabled,
        "broken": broken,
        "subreddit_id": subreddit_id,
        "subreddit": subreddit,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    rows = conn.execute(
        _listing(tuple(given)), {**given, "after_id": after_id or 0, "at_most": limit}
    )
    return [schedule_of(row) for row in rows]


@functools.cache
def _listing(filters: tuple[str, ...]) -> TextClause:
    """Return the statement for these filters.

    Each set of filters has its own statement: a filter that may be null would lose its index.
    """
    where = "".join(f" AND {_FILTERS[name]}" for name in filters)
    return text(f"""
        SELECT {COLUMNS} FROM {JOIN} WHERE schedule.id > :after_id{where}
        ORDER BY schedule.id LIMIT :at_most
        """)


def schedule_of(row: Row[Any]) -> Schedule:
    """Return the schedule in a row of COLUMNS."""
    fields = {name: row._mapping[name] for name in Schedule.__dataclass_fields__}
    return Schedule(**{**fields, "misfire_policy": MisfirePolicy(fields["misfire_policy"])})
