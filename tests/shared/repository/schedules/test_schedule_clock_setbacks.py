"""Schedules continue to fire after a clock was set back."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus
from crawljobs.repository.schedules import schedule_setbacks
from scheduler import schedule_firing
from scheduler.firing_results import Fired
from support import jobs, schedule_rows
from support.clock_setbacks import SETBACKS
from support.jobs import T0

MINUTE = timedelta(minutes=1)

HOUR = timedelta(hours=1)

DAY = timedelta(days=1)


def fire(conn: Connection, now: datetime) -> list[JobStatus]:
    """Fire the due schedules and return the states of their jobs."""
    fired = schedule_firing.fire_due_schedules(conn, at_most=10, now=now)
    ids = [one.job_id for one in fired if isinstance(one, Fired) and one.job_id is not None]
    return [jobs.job(conn, job_id).status for job_id in ids]


def end_jobs(conn: Connection) -> None:
    for claim in jobs.claim_all(conn):
        jobs.complete(conn, claim=claim, outcome="crawled", now=T0)


def next_run(conn: Connection) -> datetime:
    found: datetime = conn.execute(text("SELECT next_run_at FROM scheduled_jobs")).scalar_one()
    return found


@pytest.mark.parametrize("setback", SETBACKS)
@pytest.mark.parametrize("cron", ["@hourly", "@every 1h", "30 * * * *"])
def test_a_schedule_goes_on_after_a_setback(
    conn: Connection, cron: str, setback: timedelta
) -> None:
    schedule_rows.create(conn, cron_expression=cron, now=T0 - setback - 10 * DAY)
    fire(conn, T0)
    end_jobs(conn)
    now = T0 - setback
    assert schedule_setbacks.mend_next_runs(conn, now=now) == 1
    assert schedule_setbacks.mend_next_runs(conn, now=now) == 0
    assert now < next_run(conn) <= now + HOUR


def test_no_due_time_fires_twice_after_a_setback(conn: Connection) -> None:
    schedule_rows.create(conn, cron_expression="@hourly", now=T0)
    for hours in (1, 2, 3):
        assert fire(conn, T0 + hours * HOUR) == [JobStatus.QUEUED]
        end_jobs(conn)
    schedule_setbacks.mend_next_runs(conn, now=T0 + 30 * MINUTE)
    for hours in (1, 2, 3):
        assert fire(conn, T0 + hours * HOUR) == []
    assert fire(conn, T0 + 4 * HOUR) == [JobStatus.QUEUED]


def test_a_schedule_made_while_the_clock_was_ahead_is_due_in_time(conn: Connection) -> None:
    schedule_rows.create(conn, cron_expression="@daily", now=T0 + 400 * DAY)
    schedule_setbacks.mend_next_runs(conn, now=T0)
    assert next_run(conn) == T0 + 12 * HOUR


def test_a_schedule_of_the_future_that_is_broken_is_disabled(conn: Connection) -> None:
    schedule_rows.make(conn, now=T0, cron_expression="no", last_run_at=T0 + DAY)
    schedule_setbacks.mend_next_runs(conn, now=T0)
    fire(conn, T0)
    broken = conn.execute(text("SELECT enabled, disabled_reason FROM scheduled_jobs")).one()
    assert (broken.enabled, broken.disabled_reason is None) == (False, False)


def test_a_yearly_schedule_is_left_alone(conn: Connection) -> None:
    schedule_rows.create(conn, cron_expression="@yearly", now=T0)
    before = next_run(conn)
    assert schedule_setbacks.mend_next_runs(conn, now=T0) == 0
    assert next_run(conn) == before > T0 + 200 * DAY
