"""Schedules are created and read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.domain.schedule import MisfirePolicy, Schedule
from crawljobs.repository.schedules import schedule_reads
from support import schedule_rows as rows

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def create(conn: Connection, name: str = "nightly", **wanted: Any) -> Schedule:
    return rows.create(conn, name, now=NOON, **{"cron_expression": "@daily", **wanted})


def test_a_new_schedule_is_due_at_its_next_time_and_not_now(conn: Connection) -> None:
    made = create(conn, cron_expression=" 30  6 * * mon ", timezone="Europe/Vienna")
    assert made.cron_expression == "30 6 * * mon"
    assert made.next_run_at == datetime(2024, 5, 6, 4, 30, tzinfo=UTC)
    assert (made.priority, made.max_retries, made.version) == (20, None, 1)
    assert made.misfire_policy is MisfirePolicy.FIRE_ONCE
    assert made.last_run_at is None
    assert schedule_reads.get_schedule(conn, schedule_id=made.id) == made


def test_an_interval_counts_from_its_creation(conn: Connection) -> None:
    made = create(conn, cron_expression="@every 1h30m")
    assert made.anchor_at == NOON
    assert made.next_run_at == NOON + timedelta(minutes=90)


def test_without_a_given_time_the_database_tells_it(conn: Connection) -> None:
    made = rows.create(conn, cron_expression="@every 1h")
    assert made.next_run_at == made.created_at + timedelta(hours=1)
    assert conn.execute(text("SELECT clock_timestamp()")).scalar_one() >= made.created_at


def test_a_disabled_schedule_has_no_next_time(conn: Connection) -> None:
    assert create(conn, enabled=False).next_run_at is None


def test_the_subreddit_is_made_once_whatever_its_case(conn: Connection) -> None:
    first = create(conn, "one", subreddit="Python")
    second = create(conn, "two", subreddit="r/python")
    assert (second.subreddit_id, second.subreddit) == (first.subreddit_id, "Python")


def test_names_are_unique_whatever_their_case_and_the_transaction_goes_on(
    conn: Connection,
) -> None:
    create(conn, "Nightly")
    with pytest.raises(errors.DuplicateName, match="'NIGHTLY'"):
        create(conn, "NIGHTLY", subreddit="rust")
    assert create(conn, "another").id


def test_refuses_bad_expressions_zones_and_subreddits(conn: Connection) -> None:
    with pytest.raises(errors.InvalidCron):
        create(conn, cron_expression="* * * * * *")
    with pytest.raises(errors.InvalidCron):
        create(conn, timezone="Mars/Olympus")
    with pytest.raises(errors.InvalidSubredditName):
        create(conn, subreddit="no such name")


def test_an_unknown_schedule_is_none(conn: Connection) -> None:
    assert schedule_reads.get_schedule(conn, schedule_id=2**62) is None


def test_lists_page_by_page_oldest_first_and_filters(conn: Connection) -> None:
    made = [create(conn, f"s{number}", enabled=number % 2 == 0) for number in range(5)]
    first = schedule_reads.list_schedules(conn, limit=2)
    rest = schedule_reads.list_schedules(conn, after_id=first[-1].id, limit=100)
    assert first + rest == made
    assert schedule_reads.list_schedules(conn, enabled=True, limit=100) == made[::2]
    assert schedule_reads.list_schedules(conn, enabled=False, limit=100) == made[1::2]
    assert schedule_reads.list_schedules(conn, after_id=made[-1].id, limit=100) == []
