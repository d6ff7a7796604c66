"""Create and read schedules and their ledger rows for tests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.group import RequiredOutcome
from crawljobs.domain.schedule import Schedule, ScheduleSpec
from crawljobs.domain.scheduled_step import ScheduledStep
from crawljobs.repository.schedules import schedule_changes, schedule_reads


def create(
    conn: Connection,
    name: str = "s",
    *,
    subreddit: str = "python",
    cron_expression: str = "@hourly",
    now: datetime | None = None,
    **wanted: Any,
) -> Schedule:
    """Create a schedule as the API does."""
    order = ScheduleSpec(
        name=name,
        subreddit_id=schedule_changes.subreddit_id_of(conn, subreddit=subreddit),
        cron_expression=cron_expression,
        **wanted,
    )
    return schedule_changes.create_schedule(conn, order=order, now=now)


def create_with_steps(
    conn: Connection,
    name: str = "s",
    *,
    steps: Sequence[Any],
    cron_expression: str = "@hourly",
    now: datetime | None = None,
    **wanted: Any,
) -> Schedule:
    """Create a schedule with steps as the API does.

    A step is a key and the keys that it waits for, or a dict with the fields of a step. It crawls
    the subreddit `sub_KEY`.
    """
    order = ScheduleSpec(
        name=name,
        subreddit_id=None,
        cron_expression=cron_expression,
        steps=tuple(
            _step(conn, **(each if isinstance(each, dict) else {"key": each[0], "after": each[1:]}))
            for each in steps
        ),
        **wanted,
    )
    return schedule_changes.create_schedule(conn, order=order, now=now)


def _step(conn: Connection, key: str, *, requires: str = "any", **fields: Any) -> ScheduledStep:
    name = f"sub_{key}"
    return ScheduledStep(
        key,
        schedule_changes.subreddit_id_of(conn, subreddit=name),
        name,
        require_outcome=RequiredOutcome(requires),
        **fields,
    )


def make(
    conn: Connection,
    name: str = "s",
    *,
    subreddit: str = "python",
    cron: str = "@hourly",
    now: datetime | None = None,
    **columns: Any,
) -> Schedule:
    """Create a schedule, then write `columns` directly, without the checks of the code."""
    made = create(conn, name, subreddit=subreddit, cron_expression=cron, now=now)
    if columns:
        changes = ", ".join(f"{column} = :{column}" for column in columns)
        conn.execute(
            text(f"UPDATE scheduled_jobs SET {changes} WHERE id = :id"), {"id": made.id, **columns}
        )
    return made


def make_many(conn: Connection, count: int, *, due_at: str) -> None:
    """Create hourly schedules of different subreddits, which are due at this SQL time."""
    conn.execute(
        text("INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, :count) n"),
        {"count": count},
    )
    conn.execute(
        text(f"""
            INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, next_run_at)
            SELECT name, id, '@hourly', {due_at} FROM subreddits
            """)
    )


def ledger(conn: Connection, schedule: Schedule | None = None) -> list[dict[str, Any]]:
    rows = conn.execute(
        text("""
            SELECT scheduled_job_id, due_at, due_until, ticks, outcome, job_id
            FROM scheduled_job_runs
            WHERE CAST(:id AS bigint) IS NULL OR scheduled_job_id = :id
            ORDER BY scheduled_job_id, due_at
            """),
        {"id": None if schedule is None else schedule.id},
    )
    return [dict(row._mapping) for row in rows]


def count(conn: Connection, table: str, where: str = "true") -> int:
    return int(conn.execute(text(f"SELECT count(*) FROM {table} WHERE {where}")).scalar_one())


def reload(conn: Connection, schedule: Schedule) -> Schedule:
    found = schedule_reads.get_schedule(conn, schedule_id=schedule.id)
    assert found is not None
    return found
