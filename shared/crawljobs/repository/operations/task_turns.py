"""Turns for tasks that one process runs for all: at most one run in each interval."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.repository.queue.queue_sql import NOW

_TAKE_TURN = text(f"""
    INSERT INTO maintenance_runs AS run (task, last_run_at)
    VALUES (:task, {NOW} + CAST(:hold AS interval))
    ON CONFLICT (task) DO UPDATE SET last_run_at = excluded.last_run_at
        WHERE run.last_run_at <= {NOW} - CAST(:every AS interval)
            -- written before the clock was set back; 1 minute is the margin for concurrent turns
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
    """Take the turn to run `task`, and return whether the caller has it.

    All processes together get one turn in each interval `every`. `hold` is the additional time
    for which no other process gets the turn, unless end_turn is called earlier.
    """
    values = {"task": task, "every": every, "hold": hold, "now": now}
    return conn.execute(_TAKE_TURN, values).first() is not None


def end_turn(conn: Connection, *, task: str, now: datetime | None = None) -> None:
    """End the turn: the next turn is `every` from now."""
    conn.execute(_END_TURN, {"task": task, "now": now})
