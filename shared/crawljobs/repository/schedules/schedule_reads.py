"""Read, list and lock schedules. The modules schedule_changes and due_schedules change them."""

from __future__ import annotations

import functools
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    select,
)

from crawljobs.db.tables import scheduled_jobs, subreddits
from crawljobs.domain import scheduled_step
from crawljobs.domain.schedule import MisfirePolicy, Schedule
from crawljobs.repository.schedules import due_columns
from crawljobs.repository.sql import inline, inline_number, inline_time

# The earliest and the latest time that a read returns. An operator may have written an infinite
# time, which a datetime cannot hold. The read then returns the nearer limit.
_EARLIEST, _LATEST = inline_time("1970-01-01 00:00+00"), inline_time("9000-01-01 00:00+00")

LISTED_STEPS_MAX_BYTES = 16_384  # limit of the JSON of a schedule's steps in a list of schedules


def bounded(time: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the time, limited to the range that a datetime can hold. Null stays null."""
    return case((time.is_not(None), func.greatest(func.least(time, _LATEST), _EARLIEST)))


def _column(name: str) -> ColumnElement[Any]:
    if name == "subreddit":  # an operator may have deleted the subreddit's row
        found = func.coalesce(subreddits.c.name, inline(""))
        return case((scheduled_jobs.c.subreddit_id.is_not(None), found)).label(name)
    if name == "step_count":
        return func.jsonb_array_length(scheduled_jobs.c.steps).label(name)
    if name == "open_group_id":
        has_steps = scheduled_jobs.c.steps.is_not(None)
        return case((has_steps, due_columns.OPEN_GROUP_ID)).label(name)
    column = due_columns.NEXT_RUN_AT if name == "next_run_at" else scheduled_jobs.c[name]
    return bounded(column).label(name) if name.endswith("_at") else column


_COLUMNS = {name: _column(name) for name in Schedule.__dataclass_fields__}
_FROM = scheduled_jobs.outerjoin(subreddits, subreddits.c.id == scheduled_jobs.c.subreddit_id)

# The query of the columns that `schedule_of` reads.
SCHEDULES = select(*_COLUMNS.values()).select_from(_FROM)

# The query SCHEDULES for lists: steps longer than LISTED_STEPS_MAX_BYTES are null.
_steps = scheduled_jobs.c.steps
_is_short = func.octet_length(cast(_steps, Text)) <= inline_number(LISTED_STEPS_MAX_BYTES)
_short_steps = case((_is_short, _steps)).label("steps")
_LISTED = select(*{**_COLUMNS, "steps": _short_steps}.values()).select_from(_FROM)

_GET = SCHEDULES.where(scheduled_jobs.c.id == bindparam("id"))

_LOCK = _GET.with_for_update(of=scheduled_jobs)

_named = subreddits.alias("named")
_FILTERS: dict[str, ColumnElement[bool]] = {
    "enabled": scheduled_jobs.c.enabled == bindparam("enabled"),
    "broken": scheduled_jobs.c.disabled_reason.is_not(None) == bindparam("broken", type_=Boolean),
    "subreddit_id": scheduled_jobs.c.subreddit_id == bindparam("subreddit_id"),
    "subreddit": scheduled_jobs.c.subreddit_id
    == select(_named.c.id)
    .where(func.lower(_named.c.name) == func.lower(bindparam("subreddit")))
    .scalar_subquery(),
}


def get_schedule(conn: Connection, *, schedule_id: int) -> Schedule | None:
    """Return the schedule, or None if it does not exist."""
    row = conn.execute(_GET, {"id": schedule_id}).first()
    return None if row is None else schedule_of(row)


def lock_schedule(conn: Connection, *, schedule_id: int) -> Schedule | None:
    """Lock the schedule until the transaction ends. Returns it, or None if it does not exist."""
    row = conn.execute(_LOCK, {"id": schedule_id}).first()
    return None if row is None else schedule_of(row)


def list_schedules(
    conn: Connection,
    *,
    after_id: int | None = None,
    limit: int,
    enabled: bool | None = None,
    broken: bool | None = None,
    subreddit_id: int | None = None,
    subreddit: str | None = None,
) -> list[Schedule]:
    """Return at most `limit` schedules that match the filters, the oldest first.

    Steps longer than LISTED_STEPS_MAX_BYTES are left out of the schedules. A filter on a subreddit
    does not find schedules with steps.

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
def _listing(filters: tuple[str, ...]) -> Select[Any]:
    """Return the statement for these filters.

    Each set of filters has its own statement, because Postgres could not use an index for a filter
    that may be null.
    """
    return (
        _LISTED.where(
            scheduled_jobs.c.id > bindparam("after_id"), *(_FILTERS[name] for name in filters)
        )
        .order_by(scheduled_jobs.c.id)
        .limit(bindparam("at_most"))
    )


def schedule_of(row: Row[Any]) -> Schedule:
    """Return the schedule from a row of the query SCHEDULES."""
    fields = {name: row._mapping[name] for name in Schedule.__dataclass_fields__}
    fields["misfire_policy"] = MisfirePolicy(fields["misfire_policy"])
    if fields["steps"] is not None:
        fields["steps"] = scheduled_step.from_json(fields["steps"])
    return Schedule(**fields)
