"""The loop of the scheduler: its beats, its repairs, its sleeps and its tries after failures."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.repository.schedules import schedule_setbacks
from scheduler import timetable as timetable_module
from scheduler.timetable import BATCH, Timetable, application_name, backoff_seconds
from support import schedule_rows as rows
from support.manual_clock import ManualClock

HOUR_AGO = "date_trunc('hour', now())"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    clock = ManualClock()
    monkeypatch.setattr(timetable_module, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


class Recorded(Database):
    """Uses the real database. It calls `before` before each transaction. `before` may raise."""

    def __init__(self, database: Database, before: Callable[[], None]) -> None:
        self._real = database
        self._before = before

    def run(self, work: Any) -> Any:
        self._before()
        return self._real.run(work)


class Sleeps(threading.Event):
    """Records each sleep of the loop, and ends it at once. The sleep number `last` sets `stop`."""

    def __init__(self, stop: threading.Event, *, last: int) -> None:
        super().__init__()
        self.pauses: list[float | None] = []
        self._stop = stop
        self._last = last

    def wait(self, timeout: float | None = None) -> bool:
        assert not self.is_set(), "the loop would not sleep"
        self.pauses.append(timeout)
        self.set()
        if len(self.pauses) == self._last:
            self._stop.set()
        return True


def run_until(database: Database, sleeps: int, **options: Any) -> list[float | None]:
    """Run the loop for this number of sleeps, and return the lengths of the sleeps."""
    stop = threading.Event()
    calls = []

    def count() -> None:
        calls.append(1)
        if len(calls) > 100:
            stop.set()

    looped = Timetable(Recorded(database, count), stop=stop, **options)
    looped._wake = slept = Sleeps(stop, last=sleeps)
    looped.run()
    return slept.pauses


def mendable(conn: Connection, count: int) -> None:
    """Insert schedules whose due times are far away, because the clock was set back."""
    rows.make_many(conn, count, due_at="now() + interval '900 days'")
    conn.execute(text("UPDATE scheduled_jobs SET last_run_at = next_run_at - interval '1 h'"))


def unmended(database: Database) -> int:
    with database.begin() as conn:
        return rows.count(conn, "scheduled_jobs", "next_run_at > now() + interval '2 hours'")


def test_without_settings_the_loop_runs_once_a_minute_and_a_job_gets_three_retries(
    database: Database,
) -> None:
    assert run_until(database, sleeps=3) == [60.0, 60.0, 60.0]
    with database.begin() as conn:
        rows.make_many(conn, 1, due_at=HOUR_AGO)
    assert Timetable(database, stop=threading.Event()).run_once() == 1
    with database.begin() as conn:
        assert conn.execute(text("SELECT max_retries FROM crawl_jobs")).scalar_one() == 3


def test_the_loop_logs_how_long_it_sleeps_after_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away() -> None:
        raise errors.DatabaseUnavailable("away")

    stop = threading.Event()
    monkeypatch.setattr(timetable_module, "backoff_seconds", lambda failures: failures + 0.126)
    looped = Timetable(Recorded(cast(Database, None), away), stop=stop)
    looped._wake = slept = Sleeps(stop, last=2)
    with structlog.testing.capture_logs() as logged:
        looped.run()
    assert slept.pauses == [1.126, 2.126]
    assert [(line["reason"], line["again_in"]) for line in logged] == [
        ("away", 1.13),
        ("away", 2.13),
    ]


def test_the_first_pause_after_a_failure_is_half_a_second_and_the_longest_a_quarter_minute() -> (
    None
):
    assert 0.25 <= backoff_seconds(1) <= 0.5
    assert 0.5 <= backoff_seconds(2) <= 1.0
    assert 7.5 <= backoff_seconds(1_000) <= 15.0


def test_each_step_of_the_loop_sets_the_time_of_its_beat(
    database: Database, clock: ManualClock
) -> None:
    looped = Timetable(database, stop=threading.Event())
    clock.now += 7
    assert looped.seconds_since_beat() == 7
    looped.run_once()
    assert looped.seconds_since_beat() == 0
    clock.now += 5
    looped._mend()
    assert looped.seconds_since_beat() == 0


def test_the_loop_beats_while_the_database_is_away(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        clock.now += 50
        raise errors.DatabaseUnavailable("away")

    monkeypatch.setattr(timetable_module, "backoff_seconds", lambda _: 0.0)
    stop = threading.Event()
    looped = Timetable(Recorded(cast(Database, None), away), stop=stop)
    looped._wake = Sleeps(stop, last=3)
    looped.run()
    assert looped.seconds_since_beat() == 50


def test_a_tick_is_over_when_all_due_schedules_were_processed(
    database: Database, clock: ManualClock
) -> None:
    with database.begin() as conn:
        rows.make_many(conn, BATCH + 1, due_at=HOUR_AGO)
    looped = Timetable(database, stop=threading.Event())
    assert looped.seconds_since_tick() is None
    assert looped.run_once() == BATCH + 1
    clock.now += 9
    assert looped.seconds_since_tick() == 9


def test_a_stopped_loop_fires_and_mends_no_further_chunk(database: Database) -> None:
    many = schedule_setbacks.CHUNK + 5
    with database.begin() as conn:
        mendable(conn, many)
    stop = threading.Event()
    looped = Timetable(Recorded(database, stop.set), stop=stop)
    looped._mend()
    assert unmended(database) == 5
    assert looped.run_once() == 0
    stop.clear()
    looped = Timetable(database, stop=stop)
    looped._mend()
    assert unmended(database) == 0


@pytest.mark.parametrize(("seconds", "mended"), [(59.9, False), (60.0, True)])
def test_due_times_are_mended_again_after_a_tick(
    database: Database, clock: ManualClock, seconds: float, mended: bool
) -> None:
    looped = Timetable(database, stop=threading.Event(), tick_seconds=60.0)
    looped._mend()
    with database.begin() as conn:
        mendable(conn, 1)
    clock.now += seconds
    looped._mend()
    assert unmended(database) == (0 if mended else 1)


def test_due_times_are_mended_as_soon_as_the_database_is_back(database: Database) -> None:
    with database.begin() as conn:
        mendable(conn, 1)
    fails = [True]

    def fail_once() -> None:
        if fails:
            fails.pop()
            raise errors.DatabaseUnavailable("away")

    looped = Timetable(Recorded(database, fail_once), stop=threading.Event())
    with pytest.raises(errors.DatabaseUnavailable):
        looped._mend()
    looped._mend()
    assert unmended(database) == 0


def test_a_bug_in_the_mending_is_logged_and_schedules_fire(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> int:
        raise KeyError("a bug")

    monkeypatch.setattr(schedule_setbacks, "mend_next_runs", broken)
    with database.begin() as conn:
        rows.make_many(conn, 1, due_at=HOUR_AGO)
    with structlog.testing.capture_logs() as logged:
        run_until(database, sleeps=1)
    failed = [line for line in logged if line["event"] == "maintenance.failed"]
    assert [(line["log_level"], line["task"]) for line in failed] == [("error", "mend schedules")]
    with database.begin() as conn:
        assert rows.count(conn, "crawl_jobs") == 1


def test_a_batch_drops_the_traces_of_the_batch_that_failed_before(database: Database) -> None:
    with database.begin() as conn:
        schedule = rows.create(conn)
    looped = Timetable(database, stop=threading.Event())
    looped._traces.begin(schedule)  # its transaction failed
    looped.run_once()
    assert looped._traces._begun == {}


def test_a_session_name_is_as_long_as_postgres_takes(database_url: str) -> None:
    name = application_name("x" * 60)
    assert name == "crawljobs " + "x" * 53
    database = Database(database_url, application_name=name)
    try:
        with database.begin() as conn:
            assert conn.execute(text("SHOW application_name")).scalar_one() == name
    finally:
        database.close()
