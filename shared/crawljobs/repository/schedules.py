"""Schedules as people make and read them; the scheduler's side is in schedule_firing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from crawljobs import errors
from crawljobs.domain import cron as crons
from crawljobs.domain import subreddit as subreddits
from crawljobs.domain.schedule import MisfirePolicy, Schedule
from crawljobs.repository.job_queue import NOW

COLUMNS = ", ".join(
    "subreddit.name AS subreddit" if name == "subreddit" else f"schedule.{name}"
    for name in Schedule.__dataclass_fields__
)
_JOIN = """
    scheduled_jobs AS schedule
    JOIN subreddits AS subreddit ON subreddit.id = schedule.subreddit_id
    """

_CLOCK = text(f"SELECT {NOW}")

_INSERT_SUBREDDIT = text("""
    INSERT INTO subreddits (name) VALUES (:name) ON CONFLICT (lower(name)) DO NOTHING
    """)

_INSERT = text(f"""
    WITH schedule AS (
        INSERT INTO scheduled_jobs (
            name, subreddit_id, cron_expression, timezone, priority, max_retries, enabled,
            misfire_policy, anchor_at, next_run_at, created_at, updated_at
        )
        SELECT :name, id, :cron_expression, :timezone, :priority, CAST(:max_retries AS smallint),
            :enabled, :misfire_policy, :now, CAST(:next_run_at AS timestamptz), :now, :now
        FROM subreddits WHERE lower(name) = lower(:subreddit)
        ON CONFLICT (lower(name)) DO NOTHING
        RETURNING *
    )
    SELECT {COLUMNS}
    FROM schedule JOIN subreddits AS subreddit ON subreddit.id = schedule.subreddit_id
    """)

_GET = text(f"SELECT {COLUMNS} FROM {_JOIN} WHERE schedule.id = :id")

_LIST = text(f"""
    SELECT {COLUMNS} FROM {_JOIN}
    WHERE schedule.id > :after_id
        AND (CAST(:enabled AS boolean) IS NULL OR schedule.enabled = CAST(:enabled AS boolean))
    ORDER BY schedule.id
    LIMIT :at_most
    """)


def create_schedule(
    conn: Connection,
    *,
    name: str,
    subreddit: str,
    cron_expression: str,
    timezone: str = "UTC",
    priority: int = 20,
    max_retries: int | None = None,
    misfire_policy: str = MisfirePolicy.FIRE_ONCE,
    enabled: bool = True,
    now: datetime | None = None,
) -> Schedule:
    """Make a schedule, and its subreddit if need be; it fires at its next due time, not now.

    Raises InvalidCron, InvalidSubredditName or DuplicateName (names compare without case).
    """
    cron = crons.parse(cron_expression, timezone)
    subreddit = subreddits.checked_name(subreddit)
    clock: datetime = conn.execute(_CLOCK, {"now": now}).scalar_one()
    conn.execute(_INSERT_SUBREDDIT, {"name": subreddit})
    row = conn.execute(
        _INSERT,
        {
            "name": name,
            "subreddit": subreddit,
            "cron_expression": cron.expression,
            "timezone": timezone,
            "priority": priority,
            "max_retries": max_retries,
            "enabled": enabled,
            "misfire_policy": misfire_policy,
            "now": clock,
            "next_run_at": crons.next_after(cron, clock, anchor=clock) if enabled else None,
        },
    ).first()
    if row is None:
        raise errors.DuplicateName(f"there is a schedule named {name[:60]!r} already")
    return schedule_of(row)


def get_schedule(conn: Connection, *, schedule_id: int) -> Schedule | None:
    row = conn.execute(_GET, {"id": schedule_id}).first()
    return None if row is None else schedule_of(row)


def list_schedules(
    conn: Connection,
    *,
    after_id: int | None = None,
    limit: int = 100,
    enabled: bool | None = None,
) -> list[Schedule]:
    """Oldest first, at most `limit`; `after_id` goes on after the last one seen."""
    rows = conn.execute(_LIST, {"after_id": after_id or 0, "enabled": enabled, "at_most": limit})
    return [schedule_of(row) for row in rows]


def schedule_of(row: Row[Any]) -> Schedule:
    """The schedule in a row of COLUMNS."""
    fields = {name: row._mapping[name] for name in Schedule.__dataclass_fields__}
    return Schedule(**{**fields, "misfire_policy": MisfirePolicy(fields["misfire_policy"])})
