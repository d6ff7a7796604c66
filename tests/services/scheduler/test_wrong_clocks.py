"""Only the clock of the database decides what is due, even if the clocks of hosts are hours off."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Database
from support import needs
from support import schedule_rows as rows
from support.waiting import wait_until

Start = Callable[..., Any]
DEADLINE_SECONDS = 30  # long enough for a busy machine
OFF = timedelta(hours=2)
DUE_SOON = 30


def start_off(start_scheduler: Start, url: str, by: str) -> Any:
    """Start a scheduler on a host whose clock is off by this time."""
    scheduler = start_scheduler(
        url,
        LD_PRELOAD=str(needs.libfaketime()),
        FAKETIME=by,
        # The monotonic clock stays real. With a false one, Python's waits with a timeout never end.
        FAKETIME_DONT_FAKE_MONOTONIC="1",
        SCHEDULER_TICK_SECONDS="3600",
    )
    started = scheduler.wait_for("scheduler.started")
    error = datetime.fromisoformat(started["timestamp"]) - datetime.now(UTC)
    expected = OFF if by.startswith("+") else -OFF
    assert abs(error - expected) < timedelta(minutes=5), "its clock is not off"
    return scheduler


def test_schedulers_hours_ahead_and_behind_fire_nothing_early_late_or_twice(
    database: Database, database_url: str, start_scheduler: Start
) -> None:
    for by in ("+2h", "-2h"):
        start_off(start_scheduler, database_url, by)
    with database.begin() as conn:
        rows.make_many(conn, DUE_SOON, due_at="now() + interval '1500 ms'")
        early = rows.create(conn, "not yet", subreddit="later", cron_expression="@every 1h")
        late = rows.create(conn, "long ago", subreddit="past", cron_expression="@every 1h")
        conn.execute(
            text("UPDATE scheduled_jobs SET next_run_at = now() - interval '90 min' WHERE id = :i"),
            {"i": late.id},
        )
        conn.execute(text("SELECT pg_notify('scheduled_jobs', '')"))

    def fired() -> bool:
        with database.begin() as conn:
            return rows.count(conn, "scheduled_job_runs") >= DUE_SOON + 1

    wait_until(fired, timeout=DEADLINE_SECONDS, describe="not everything fired")
    with database.begin() as conn:
        ledger = rows.ledger(conn)
        delays = conn.execute(
            text("""
                SELECT CAST(extract(epoch FROM fired_at - due_at) AS float8)
                FROM scheduled_job_runs WHERE scheduled_job_id <> :late
                """),
            {"late": late.id},
        ).scalars()
        assert all(0 <= delay < 5 for delay in delays)
    of_late = [run["outcome"] for run in ledger if run["scheduled_job_id"] == late.id]
    assert of_late == ["enqueued"]
    assert [run for run in ledger if run["scheduled_job_id"] == early.id] == []
    others = [run["scheduled_job_id"] for run in ledger if run["scheduled_job_id"] != late.id]
    assert len(others) == len(set(others)) == DUE_SOON
