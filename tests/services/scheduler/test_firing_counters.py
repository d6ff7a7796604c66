"""The scheduler counts due times by outcome, enqueued jobs, and the delays of firings."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from scheduler.timetable import Timetable
from support import schedule_rows as rows
from support.counted import counted

LATEST = "SELECT date_trunc('minute', now()) - interval '30 minutes'"


@pytest.mark.parametrize(
    ("policy", "ago", "grown_by"),
    [
        (
            "fire_once",
            "0 s",
            {
                "schedule_ticks_total{enqueued}": 1,
                "jobs_enqueued_total{schedule,created}": 1,
                "schedule_delay_seconds_count{}": 1,
            },
        ),
        (
            "fire_once",
            "2 h",
            {
                "schedule_ticks_total{enqueued}": 1,
                "schedule_ticks_total{missed}": 2,
                "schedule_missed_total{}": 2,
                "jobs_enqueued_total{schedule,created}": 1,
                "schedule_delay_seconds_count{}": 1,
            },
        ),
        (
            "skip",
            "2 h",
            {
                "schedule_ticks_total{skipped}": 1,
                "schedule_ticks_total{missed}": 2,
                "schedule_missed_total{}": 3,
            },
        ),
    ],
)
def test_each_due_time_is_counted_by_what_became_of_it(
    database: Database, policy: str, ago: str, grown_by: dict[str, float]
) -> None:
    with database.begin() as conn:
        # The latest tick was half an hour ago, so the policy skip skips it. A tick that is only
        # minutes late would still fire.
        latest = conn.execute(text(LATEST)).scalar_one()
        made = rows.make(conn, cron=f"{latest.minute} * * * *", misfire_policy=policy)
        conn.execute(
            text(
                "UPDATE scheduled_jobs SET next_run_at = :latest - CAST(:ago AS interval) "
                "WHERE id = :id"
            ),
            {"latest": latest, "ago": ago, "id": made.id},
        )
    with counted() as grown:
        Timetable(database, stop=threading.Event()).run_once()
    assert grown == grown_by


def test_a_schedule_that_was_disabled_is_counted(database: Database) -> None:
    with database.begin() as conn:
        rows.make(conn, cron_expression="no cron", next_run_at=datetime.now(UTC))
    with counted() as grown:
        Timetable(database, stop=threading.Event()).run_once()
    assert grown["schedule_ticks_total{disabled}"] == 1
