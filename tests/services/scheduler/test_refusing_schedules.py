"""A schedule whose row refuses every change does not stop the other schedules."""

import threading
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.schedule import Schedule
from crawljobs.repository.schedules import schedule_reads, schedule_setbacks
from scheduler.firing_results import Stuck
from scheduler.passed_over import MOST, TRY_AGAIN_SECONDS, PassedOver
from scheduler.timetable import BATCH, LEAST_PAUSE_SECONDS, Timetable
from support import schedule_rows as rows
from support.refusing_rows import refuse


def timetable(database: Database) -> Timetable:
    return Timetable(database, stop=threading.Event())


def ids(database: Database, where: str = "true") -> list[int]:
    with database.begin() as conn:
        found = conn.execute(text(f"SELECT id FROM scheduled_jobs WHERE {where} ORDER BY id"))
        return list(found.scalars())


@pytest.mark.parametrize("bad", [1, BATCH + 1])
def test_due_schedules_that_can_neither_fire_nor_be_disabled_are_passed_over(
    database: Database, bad: int
) -> None:
    with database.begin() as conn:
        rows.make_many(conn, BATCH + 5, due_at="now() - interval '1 minute'")
        stuck = [one.id for one in schedule_reads.list_schedules(conn, limit=bad)]
        conn.execute(
            text("UPDATE scheduled_jobs SET next_run_at = now() - interval '1 hour'"
                 " WHERE id = ANY (:stuck)"), {"stuck": stuck})  # fmt: skip
        refuse(conn, "scheduled_jobs", *stuck)
    looped = timetable(database)
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            looped.run_once()
    assert ids(database, "next_run_at <= now()") == stuck
    assert ids(database, "NOT enabled") == []
    # The loop sleeps although schedules are still due.
    assert looped.seconds_to_sleep() > LEAST_PAUSE_SECONDS
    reports = [line for line in lines if line["event"] == "schedule.stuck"]
    assert {line["schedule_id"] for line in reports} <= set(stuck)
    assert 1 <= len(reports) <= 25
    if bad == 1:
        assert len(reports) == 1


def test_a_schedule_that_refuses_mending_leaves_the_other_99_to_be_mended(
    database: Database,
) -> None:
    with database.begin() as conn:
        rows.make_many(conn, schedule_setbacks.CHUNK, due_at="now() + interval '900 days'")
        conn.execute(text("UPDATE scheduled_jobs SET last_run_at = next_run_at - interval '1 h'"))
        bad = schedule_reads.list_schedules(conn, limit=1)[0].id
        refuse(conn, "scheduled_jobs", bad)
    looped = timetable(database)
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            looped._mended_at = float("-inf")
            looped._mend()
    assert ids(database, "next_run_at > now() + interval '2 hours'") == [bad]
    events = [line["event"] for line in lines]
    assert events.count("maintenance.row_passed_over") == 1
    assert "maintenance.failed" not in events


@pytest.mark.parametrize("error", [OverflowError, ValueError])
def test_a_schedule_whose_next_time_cannot_be_told_leaves_the_others_to_be_mended(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    with database.begin() as conn:
        rows.make_many(conn, 20, due_at="now() + interval '900 days'")
        conn.execute(text("UPDATE scheduled_jobs SET last_run_at = next_run_at - interval '1 h'"))
        bad = schedule_reads.list_schedules(conn, limit=9)[-1].id
    due_times = Schedule.due_times

    def failing(schedule: Schedule) -> object:
        if schedule.id == bad:
            raise error
        return due_times(schedule)

    monkeypatch.setattr(Schedule, "due_times", failing)
    looped = timetable(database)
    with structlog.testing.capture_logs():
        looped._mend()
    assert ids(database, "next_run_at > now() + interval '2 hours'") == [bad]


def test_what_was_passed_over_is_tried_again_and_bounded(database: Database) -> None:
    now = 0.0
    with database.begin() as conn:
        schedule = rows.create(conn)
    passed_over = PassedOver(lambda: now)
    with structlog.testing.capture_logs():
        for number in range(MOST + 5):
            passed_over.add(Stuck(_numbered(schedule, number), "refused"))
    assert passed_over.ids() == list(range(5, MOST + 5))
    now += TRY_AGAIN_SECONDS / 2
    with structlog.testing.capture_logs():
        passed_over.add(Stuck(_numbered(schedule, 7), "refused"))
    now += TRY_AGAIN_SECONDS / 2
    assert passed_over.ids() == [7]
    now += timedelta(seconds=TRY_AGAIN_SECONDS).total_seconds()
    assert passed_over.ids() == []


def _numbered(schedule: Schedule, number: int) -> Schedule:
    return Schedule(**{**vars(schedule), "id": number})
