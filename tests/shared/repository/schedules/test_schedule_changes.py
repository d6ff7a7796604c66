"""Rows, ledger entries and jobs after schedules are created, edited or deleted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.schedule import MisfirePolicy, Schedule
from crawljobs.repository import scheduler_hint
from crawljobs.repository.schedules import (
    schedule_changes,
    schedule_deletion,
    schedule_reads,
)
from scheduler import firing_results, schedule_firing
from support import jobs
from support import schedule_rows as rows

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def change(conn: Connection, before: Schedule, now: datetime, **changes: Any) -> Schedule:
    order = replace(before.spec(), **changes)
    return schedule_changes.change_schedule(conn, before=before, order=order, now=now)


def test_every_field_of_an_order_is_kept(conn: Connection) -> None:
    wanted = {
        "timezone": "Asia/Tokyo",
        "priority": 5,
        "max_retries": 0,
        "misfire_policy": MisfirePolicy.SKIP,
        "misfire_deadline_seconds": 90,
        "spread_seconds": 60,
    }
    made = rows.create(conn, now=NOON, **wanted)
    assert {name: getattr(made, name) for name in wanted} == wanted
    changed = change(conn, made, NOON + HOUR, name="other", priority=6, max_retries=None)
    assert changed.spec() == replace(made.spec(), name="other", priority=6, max_retries=None)
    assert (changed.version, changed.updated_at) == (made.version + 1, NOON + HOUR)
    assert changed.created_at == made.created_at


def test_a_new_schedule_has_its_place_in_the_spread(conn: Connection) -> None:
    made = rows.create(conn, now=NOON, spread_seconds=600)
    offset = made.due_times().offset
    assert timedelta(0) < offset < timedelta(minutes=10)
    assert made.next_run_at == NOON + offset
    (fired,) = schedule_firing.fire_due_schedules(conn, at_most=9, now=NOON + offset)
    assert isinstance(fired, firing_results.Fired)
    assert fired.firing.next_run_at == NOON + HOUR + offset


def test_an_order_that_is_met_already_changes_nothing(conn: Connection) -> None:
    made = rows.create(conn, now=NOON)
    assert change(conn, made, NOON + HOUR) == made


def test_an_edit_does_not_fire_and_what_was_due_is_in_the_ledger_as_missed(
    conn: Connection,
) -> None:
    made = rows.create(conn, now=NOON)
    now = NOON + 2 * HOUR + timedelta(minutes=5)
    changed = change(conn, made, now, cron_expression="30 * * * *")
    assert changed.next_run_at == NOON + 2.5 * HOUR
    assert [(run["due_at"], run["outcome"]) for run in rows.ledger(conn)] == [
        (NOON + HOUR, "missed"),
        (NOON + 2 * HOUR, "missed"),
    ]
    assert schedule_firing.fire_due_schedules(conn, at_most=9, now=now) == []
    assert rows.count(conn, "crawl_jobs") == 0


def test_renaming_leaves_what_is_due_to_the_schedulers(conn: Connection) -> None:
    made = rows.create(conn, now=NOON)
    now = NOON + HOUR + timedelta(minutes=5)
    change(conn, made, now, name="other")
    assert rows.ledger(conn) == []
    assert len(schedule_firing.fire_due_schedules(conn, at_most=9, now=now)) == 1


def test_turned_off_and_on_it_goes_on_at_the_next_time(conn: Connection) -> None:
    made = rows.create(conn, now=NOON, cron_expression="@every 7h")
    off = change(conn, made, NOON + HOUR, enabled=False)
    assert (off.enabled, off.next_run_at) == (False, None)
    on = change(conn, off, NOON + 50 * HOUR, enabled=True)
    assert on.next_run_at == NOON + 56 * HOUR
    assert rows.ledger(conn) == []


def test_mending_clears_the_reason_and_renaming_does_not(conn: Connection) -> None:
    made = rows.make(conn, now=NOON, timezone="Mars/Olympus")
    schedule_firing.fire_due_schedules(conn, at_most=9, now=NOON + HOUR)
    off = change(conn, rows.reload(conn, made), NOON + HOUR, name="still broken")
    assert off.disabled_reason is not None
    assert "Mars/Olympus" in off.disabled_reason
    with pytest.raises(errors.InvalidCron, match="unknown time zone"):
        change(conn, off, NOON + HOUR, enabled=True)
    mended = change(conn, off, NOON + HOUR, enabled=True, timezone="UTC")
    assert (mended.disabled_reason, mended.next_run_at) == (None, NOON + 2 * HOUR)


def test_a_broken_schedule_can_be_turned_off(conn: Connection) -> None:
    made = rows.make(conn, now=NOON, cron_expression="every now and then")
    broken = rows.reload(conn, made)
    assert not change(conn, broken, NOON + 3 * HOUR, enabled=False).enabled
    assert rows.ledger(conn) == []


def test_a_taken_name_is_refused_and_the_transaction_goes_on(conn: Connection) -> None:
    rows.create(conn, "One", now=NOON)
    two = rows.create(conn, "two", subreddit="rust", now=NOON)
    with pytest.raises(errors.DuplicateName, match="'ONE'"):
        change(conn, two, NOON, name="ONE")
    assert change(conn, two, NOON, name="TWO").name == "TWO"


def test_a_subreddit_is_named_or_known_by_its_id(conn: Connection) -> None:
    known = schedule_changes.subreddit_id_of(conn, subreddit="r/Python")
    assert schedule_changes.subreddit_id_of(conn, subreddit="python") == known
    assert schedule_changes.subreddit_id_of(conn, subreddit=known) == known
    with pytest.raises(errors.NotFound, match="no subreddit 4611686018427387904"):
        schedule_changes.subreddit_id_of(conn, subreddit=2**62)
    with pytest.raises(errors.InvalidSubredditName):
        schedule_changes.subreddit_id_of(conn, subreddit="no such name")


def test_deleting_takes_the_ledger_and_leaves_the_jobs(conn: Connection) -> None:
    made = rows.create(conn, now=NOON)
    schedule_firing.fire_due_schedules(conn, at_most=9, now=NOON + HOUR)
    (run,) = rows.ledger(conn)
    schedule_deletion.delete_schedule(conn, schedule_id=made.id)
    assert schedule_reads.get_schedule(conn, schedule_id=made.id) is None
    assert rows.ledger(conn) == []
    assert jobs.job(conn, run["job_id"]).scheduled_job_id is None


def test_infinite_times_written_by_hand_can_be_read_and_edited(conn: Connection) -> None:
    for number, column in enumerate(("next_run_at", "last_run_at", "anchor_at", "updated_at")):
        made = rows.create(conn, f"s{number}", now=NOON)
        conn.execute(
            text(f"UPDATE scheduled_jobs SET {column} = 'infinity' WHERE id = :id"), {"id": made.id}
        )
        odd = rows.reload(conn, made)
        assert getattr(odd, column).year == 9000
        assert change(conn, odd, NOON, cron_expression="@daily").next_run_at == NOON + 12 * HOUR
    assert len(schedule_reads.list_schedules(conn, limit=100)) == 4


def test_hints_only_at_what_is_due_before_everything_else(
    database: Database, database_url: str
) -> None:
    def hinted(act: Callable[[Connection], object]) -> bool:
        with psycopg.connect(database_url, autocommit=True) as listener:
            listener.execute(f"LISTEN {scheduler_hint.CHANNEL}")
            with database.begin() as conn:
                act(conn)
            return bool(list(listener.notifies(timeout=0.2, stop_after=1)))

    def create(name: str, expression: str) -> bool:
        return hinted(lambda conn: rows.create(conn, name, cron_expression=expression))

    assert create("first", "@every 2h")
    assert not create("later", "@every 3h")
    assert create("sooner", "@every 1h")
    with database.begin() as conn:
        later = schedule_reads.list_schedules(conn, limit=100)[1]
    assert not hinted(lambda conn: change(conn, later, NOON, enabled=False))
    assert not hinted(lambda conn: schedule_deletion.delete_schedule(conn, schedule_id=1))
