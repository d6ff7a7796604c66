"""The timetable's loop fires all due schedules in batches, and several schedulers share them."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import psycopg
import pytest
import structlog
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.runtime import startup
from scheduler.timetable import (
    BACKOFF_MAX_SECONDS,
    BATCH,
    LEAST_PAUSE_SECONDS,
    Timetable,
    application_name,
    backoff_seconds,
)
from support import frozen_session
from support import schedule_rows as rows
from support.databases import Databases
from support.waiting import wait_until

DEADLINE_SECONDS = 20  # long enough for a busy machine
HOUR_AGO = "date_trunc('hour', now())"


def timetable(database: Database, tick_seconds: float = 60.0) -> Timetable:
    return Timetable(database, stop=threading.Event(), tick_seconds=tick_seconds)


@contextmanager
def running(database: Database, tick_seconds: float = 60.0, **options: Any) -> Iterator[None]:
    """Run a timetable in a thread. The thread must stop at once at the end of the block."""
    stop = threading.Event()
    looped = Timetable(database, stop=stop, tick_seconds=tick_seconds, **options)
    thread = threading.Thread(target=looped.run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        looped.wake()
        thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def fired(database: Database) -> int:
    with database.begin() as conn:
        return rows.count(conn, "scheduled_job_runs", "outcome IN ('enqueued', 'merged')")


def test_fires_everything_due_in_as_many_batches_as_it_takes(database: Database) -> None:
    due = 2 * BATCH + 7
    with database.begin() as conn:
        rows.make_many(conn, due, due_at=HOUR_AGO)
    assert timetable(database).run_once() == due
    with database.begin() as conn:
        assert rows.count(conn, "crawl_jobs", "status = 'queued' AND source = 'schedule'") == due
        assert rows.count(conn, "scheduled_jobs", "next_run_at > now()") == due


def test_due_times_from_before_the_clock_was_set_back_are_mended_once_a_tick(
    database: Database,
) -> None:
    ahead = datetime.now(UTC) + timedelta(days=400)

    def put_ahead() -> None:
        with database.begin() as conn:
            conn.execute(
                text("UPDATE scheduled_jobs SET next_run_at = :at, last_run_at = :at"),
                {"at": ahead},
            )

    def is_mended() -> bool:
        with database.begin() as conn:
            return rows.count(conn, "scheduled_jobs", "next_run_at > now() + '1 hour'") == 0

    with database.begin() as conn:
        rows.create(conn, cron_expression="@hourly")
    put_ahead()
    with structlog.testing.capture_logs() as told, running(database, tick_seconds=0.2):
        for _ in range(2):
            wait_until(is_mended, timeout=DEADLINE_SECONDS, describe="the due time to be mended")
            put_ahead()
        wait_until(is_mended, timeout=DEADLINE_SECONDS, describe="the due time to be mended")
    mended = [line for line in told if line["event"] == "schedule.mended"]
    assert [(line["log_level"], line["count"]) for line in mended] == [("warning", 1)] * 3


def test_a_schedule_that_cannot_be_mended_does_not_stop_the_others_from_firing(
    database: Database,
) -> None:
    ahead = datetime.now(UTC) + timedelta(days=400)
    with database.begin() as conn:
        rows.make(conn, "stubborn", cron_expression="@hourly", next_run_at=ahead)
        rows.make_many(conn, 1, due_at=HOUR_AGO)
        conn.execute(
            text("UPDATE scheduled_jobs SET updated_at = :at WHERE name = 'stubborn'"),
            {"at": ahead},
        )
        conn.exec_driver_sql("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE 'not this row'; END $$
            """)
        conn.exec_driver_sql("""
            CREATE TRIGGER refuse BEFORE UPDATE ON scheduled_jobs FOR EACH ROW
            WHEN (OLD.name = 'stubborn') EXECUTE FUNCTION refuse()
            """)

    def has_fired() -> bool:
        with database.begin() as conn:
            return rows.count(conn, "scheduled_job_runs") > 0

    with running(database):
        wait_until(has_fired, timeout=DEADLINE_SECONDS, describe="the other schedule to fire")


def test_does_nothing_on_an_empty_table(database: Database) -> None:
    idle = timetable(database)
    assert idle.run_once() == 0
    assert idle.seconds_to_sleep() == 60.0


def test_each_firing_and_each_disabled_schedule_is_logged(database: Database) -> None:
    with database.begin() as conn:
        rows.make_many(conn, 1, due_at=HOUR_AGO)
        rows.make(conn, "broken", cron_expression="no cron", next_run_at=datetime.now(UTC))
    with structlog.testing.capture_logs() as logged:
        timetable(database).run_once()
    with database.begin() as conn:
        ran, job_id = conn.execute(
            text("SELECT due_at, job_id FROM scheduled_job_runs WHERE outcome = 'enqueued'")
        ).one()
        next_run_at = conn.execute(
            text("SELECT next_run_at FROM scheduled_jobs WHERE name = 'sub1'")
        ).scalar_one()
    (fired_line,) = (line for line in logged if line["event"] == "schedule.fired")
    assert (
        fired_line.items()
        >= {
            "log_level": "info",
            "schedule": "sub1",
            "subreddit": "sub1",
            "due_at": ran.isoformat(),
            "outcome": "enqueued",
            "job_id": job_id,
            "missed": 0,
            "next_run_at": next_run_at.isoformat(),
        }.items()
    )
    (disabled,) = (line for line in logged if line["event"] == "schedule.disabled")
    assert (disabled["log_level"], disabled["schedule"]) == ("error", "broken")
    assert "expected five fields" in disabled["reason"]


def test_fires_nothing_twice(database: Database) -> None:
    with database.begin() as conn:
        rows.make_many(conn, 3, due_at=HOUR_AGO)
    assert [timetable(database).run_once() for _ in range(2)] == [3, 0]


def test_broken_rows_filling_whole_batches_starve_nobody(database: Database) -> None:
    broken = 2 * BATCH
    with database.begin() as conn:
        rows.make_many(conn, broken, due_at="now() - interval '1 day'")
        conn.execute(text("UPDATE scheduled_jobs SET timezone = 'Mars/Olympus'"))
        rows.make(conn, "good", next_run_at="now")
    assert timetable(database).run_once() == broken + 1
    assert fired(database) == 1
    with database.begin() as conn:
        assert rows.count(conn, "scheduled_jobs", "NOT enabled") == broken
        assert rows.count(conn, "admin_audit_log", "actor = 'system:scheduler'") == broken


def test_sleeps_until_the_next_due_time_but_no_longer_than_a_tick(database: Database) -> None:
    with database.begin() as conn:
        soon = rows.make(conn)
        conn.execute(text("UPDATE scheduled_jobs SET next_run_at = now() + interval '30 s'"))
    assert 20 < timetable(database).seconds_to_sleep() <= 30
    assert timetable(database, tick_seconds=5).seconds_to_sleep() == 5
    with database.begin() as conn:
        conn.execute(text("UPDATE scheduled_jobs SET next_run_at = now()"))
    assert timetable(database).seconds_to_sleep() == LEAST_PAUSE_SECONDS
    assert soon.enabled


def test_wakes_at_the_due_time_although_the_tick_is_long(database: Database) -> None:
    with database.begin() as conn:
        rows.make(conn)
        conn.execute(text("UPDATE scheduled_jobs SET next_run_at = now() + interval '300 ms'"))
    with running(database):
        wait_until(lambda: fired(database), timeout=DEADLINE_SECONDS, describe="no tick fired")
    with database.begin() as conn:
        late = conn.execute(
            text("SELECT extract(epoch FROM fired_at - due_at) FROM scheduled_job_runs")
        ).scalar_one()
    assert 0 <= late < 5


def test_stopping_interrupts_the_sleep(database: Database) -> None:
    began = time.monotonic()
    with running(database, tick_seconds=3600):
        pass
    assert time.monotonic() - began < 5


def test_many_at_once_fire_every_due_time_exactly_once(database_url: str) -> None:
    schedules, many = 300, 6
    database = Database(database_url, pool_size=many)
    with database.begin() as conn:
        rows.make_many(conn, schedules, due_at=HOUR_AGO)
    start = threading.Barrier(many)

    def race() -> int:
        mine = timetable(database)
        start.wait(DEADLINE_SECONDS)
        total = 0
        while mine.seconds_to_sleep() <= LEAST_PAUSE_SECONDS:
            total += mine.run_once()
        return total

    try:
        with ThreadPoolExecutor(many) as pool:
            totals = [task.result(60) for task in [pool.submit(race) for _ in range(many)]]
        assert sum(totals) == schedules
        with database.begin() as conn:
            assert rows.count(conn, "scheduled_job_runs", "outcome = 'enqueued'") == schedules
            assert rows.count(conn, "scheduled_job_runs") == schedules
            assert rows.count(conn, "crawl_jobs") == schedules
    finally:
        database.close()


def test_a_schedule_that_somebody_holds_is_left_and_fired_afterwards(database: Database) -> None:
    with database.begin() as conn:
        rows.make_many(conn, 2, due_at=HOUR_AGO)
    with database.begin() as holder:
        holder.execute(text("SELECT 1 FROM scheduled_jobs WHERE name = 'sub1' FOR UPDATE"))
        assert timetable(database).run_once() == 1
        assert timetable(database).seconds_to_sleep() == LEAST_PAUSE_SECONDS
    assert timetable(database).run_once() == 1


def test_what_a_frozen_scheduler_holds_is_fired_by_another(
    database: Database, database_url: str
) -> None:
    with database.begin() as conn:
        rows.make_many(conn, 2, due_at=HOUR_AGO)
    frozen = psycopg.connect(database_url, application_name=application_name("other"))
    frozen.execute("SELECT FROM scheduled_jobs WHERE name = 'sub1' FOR UPDATE")
    with psycopg.connect(database_url, autocommit=True) as watcher:
        frozen_session.freeze(frozen, watcher)
    with (
        structlog.testing.capture_logs() as logged,
        running(database, frozen_after=timedelta(milliseconds=1)),
    ):
        wait_until(
            lambda: fired(database) == 2,
            timeout=DEADLINE_SECONDS,
            describe="what it holds was not fired",
        )
    ended = [line for line in logged if line["event"] == "session.ended"]
    assert [(line["log_level"], line["application"]) for line in ended] == [
        ("warning", "crawljobs other")
    ]
    with pytest.raises(psycopg.OperationalError):
        frozen.execute("SELECT 1")


def test_goes_on_after_the_database_was_away(
    database: Database, database_url: str, databases: Databases
) -> None:
    with database.begin() as conn:
        rows.make(conn, next_run_at="infinity")
    name = sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    with (
        psycopg.connect(databases.server_url, autocommit=True) as server,
        structlog.testing.capture_logs() as told,
        running(database, tick_seconds=0.1),
    ):
        server.execute(allow(name, sql.SQL("false")))
        server.execute(cut, [conninfo_to_dict(database_url)["dbname"]])
        wait_until(
            lambda: [line for line in told if line["event"] == "scheduler.database_unavailable"],
            timeout=DEADLINE_SECONDS,
            describe="the outage was not noticed",
        )
        server.execute(allow(name, sql.SQL("true")))
        with psycopg.connect(database_url) as us:
            us.execute("UPDATE scheduled_jobs SET next_run_at = now()")
        wait_until(lambda: fired(database), timeout=DEADLINE_SECONDS, describe="nothing fired")


def test_backs_off_ever_longer_to_a_limit() -> None:
    assert 0 < backoff_seconds(1) <= 1
    assert BACKOFF_MAX_SECONDS / 2 <= backoff_seconds(1000) <= BACKOFF_MAX_SECONDS


def test_after_a_good_look_the_next_trouble_is_the_first_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    # Four calls that succeed are one complete round of the loop.
    fails = [True, True, True, False, False, False, False, True]

    def note(failures: int) -> float:
        told.append(failures)
        return 0.0

    class Flaky:
        """The real database, of which some calls fail."""

        def run(self, work: Any) -> Any:
            if not fails:
                stop.set()
            elif fails.pop(0):
                raise errors.DatabaseUnavailable("out of reach")
            return database.run(work)

    stop = threading.Event()
    monkeypatch.setattr("scheduler.timetable.backoff_seconds", note)
    looped = Timetable(cast(Database, Flaky()), stop=stop, tick_seconds=0.01)
    thread = threading.Thread(target=looped.run)
    thread.start()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
    assert told == [1, 2, 3, 1]


def test_waits_for_the_schema_no_longer_than_its_deadline(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    try:
        with pytest.raises(errors.UnknownSchema):
            startup.wait_for_schema(database, stop=threading.Event(), deadline_seconds=0.1)
    finally:
        database.close()


def test_waits_for_a_database_that_is_away_no_longer_than_its_deadline() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    try:
        with pytest.raises(errors.DatabaseUnavailable):
            startup.wait_for_schema(database, stop=threading.Event(), deadline_seconds=0.1)
    finally:
        database.close()
