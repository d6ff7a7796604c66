"""Whose turn it is to run a task of which one run for all workers is enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.repository.queue.queue_sql import NOW

_TAKE_TURN = text(f"""
    INSERT INTO maintenance_runs AS run (task, last_run_at)
    VALUES (:task, {NOW} + CAST(:hold AS interval))
    ON CONFLICT (task) DO UPDATE SET last_run_at = excluded.last_run_at
        WHERE run.last_run_at <= {NOW} - CAST(:every AS interval)
            -- written before the clock was set back; the minute is for turns that raced for the row
            OR run.last_run_at > {NOW} + CAST(:hold AS interval) + interval '1 minute'
    RETURNING task
    """)
_END_TURN = text(f"UPDATE maintenance_runs SET last_run_at = {NOW} WHERE task = :task")


def take_turn(
    conn: Connection,
    *,
    task: str,
    every: timedelta,
    hold: timedelta = timedelta(0),
    now: datetime | None = None,
) -> bool:
    """Whether this caller is the one to run `task` now: at most once per `every`, by anybody.

    With `hold` nobody else runs it for so much longer, unless the turn is ended before.
    """
    values = {"task": task, "every": every, "hold": hold, "now": now}
    return conn.execute(_TAKE_TURN, values).first() is not None


def end_turn(conn: Connection, *, task: str, now: datetime | None = None) -> None:
    """The task has run: `every` from now it may run again."""
    conn.execute(_END_TURN, {"task": task, "now": now})
