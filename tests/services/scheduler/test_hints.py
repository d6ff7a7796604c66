"""Hints wake a sleeping scheduler. Without hints it sleeps until the next due time or tick."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import structlog
from psycopg.conninfo import conninfo_to_dict

from crawljobs import errors
from crawljobs.db.database import Database
from scheduler import hints
from scheduler.hints import Hints
from scheduler.timetable import Timetable
from support import schedule_rows as rows
from support import tcp_proxy
from support.waiting import wait_until

Start = Callable[..., Any]
DEADLINE_SECONDS = 20  # long enough for a busy machine
HINT = "SELECT pg_notify('scheduled_jobs', '')"
LISTENERS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE '%hints' AND state = 'idle'
        AND query LIKE 'LISTEN%'
    """


@pytest.fixture
def sql(database_url: str) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def listening(sql: "psycopg.Connection[tuple[Any, ...]]", many: int = 1) -> list[int]:
    """Wait for this number of listening connections. Return the pids of their server processes."""

    def look() -> list[int]:
        pids = [row[0] for row in sql.execute(LISTENERS)]
        return pids if len(pids) == many else []

    return wait_until(look, timeout=DEADLINE_SECONDS, describe="nobody listens")


class Heard:
    """Counts the hints that have arrived."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1

    def wait_for(self, times: int) -> None:
        wait_until(
            lambda: self.times >= times,
            timeout=DEADLINE_SECONDS,
            describe=lambda: f"heard {self.times} times",
        )


@contextmanager
def hearing(url: str) -> Iterator[Heard]:
    heard = Heard()
    thread = Hints(url, name="test", on_hint=heard)
    thread.start()
    try:
        yield heard
    finally:
        thread.stop()
        thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def test_hears_every_hint_and_looks_once_when_it_begins(
    database_url: str, sql: "psycopg.Connection[tuple[Any, ...]]"
) -> None:
    with hearing(database_url) as heard:
        heard.wait_for(1)
        listening(sql)
        sql.execute(HINT)
        heard.wait_for(2)


def test_listens_again_after_its_connection_was_cut(
    database_url: str, sql: "psycopg.Connection[tuple[Any, ...]]"
) -> None:
    with hearing(database_url) as heard:
        (first,) = listening(sql)
        sql.execute("SELECT pg_terminate_backend(%s)", [first])
        heard.wait_for(2)  # a new connection counts as a hint, because hints may have been lost
        wait_until(lambda: listening(sql) != [first], timeout=DEADLINE_SECONDS, describe="the same")
        before = heard.times
        sql.execute(HINT)
        heard.wait_for(before + 1)


def test_a_connection_that_died_silently_is_found_and_replaced(
    database_url: str,
    sql: "psycopg.Connection[tuple[Any, ...]]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection neither sends data nor fails. Only a ping without a reply reveals this."""
    monkeypatch.setattr(hints, "PING_SECONDS", 0.1)
    monkeypatch.setattr(hints, "DEADLINE_SECONDS", 0.3)
    with tcp_proxy.serve(database_url) as proxy, hearing(proxy.url) as heard:
        listening(sql)
        heard.wait_for(1)
        proxy.stall_those_open()
        heard.wait_for(2)  # the new connection counts as a hint
        before = heard.times

        def is_heard() -> bool:
            sql.execute(HINT)
            return heard.times > before

        wait_until(is_heard, timeout=DEADLINE_SECONDS, describe="the new connection is deaf")


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (errors.DatabaseUnavailable("broken by the test"), "hints.disconnected"),
        (ZeroDivisionError("broken by the test"), "hints.failed"),
    ],
)
def test_a_connection_that_breaks_each_time_is_not_tried_without_a_pause(
    database_url: str, monkeypatch: pytest.MonkeyPatch, error: Exception, event: str
) -> None:
    monkeypatch.setattr(hints, "RECONNECT_SECONDS", 3600.0)
    tried = []

    def broken() -> None:
        tried.append(1)
        raise error

    with structlog.testing.capture_logs() as told:
        stopping = Hints(database_url, name="test", on_hint=broken)
        stopping.start()
        wait_until(lambda: told, timeout=DEADLINE_SECONDS, describe="nothing was tried")
        stopping.stop()
        stopping.join(DEADLINE_SECONDS)
    assert not stopping.is_alive()
    assert tried == [1]
    assert [line["event"] for line in told] == [event]


def test_goes_on_without_a_database_and_stops_at_once() -> None:
    began = time.monotonic()
    with hearing("postgresql://nobody@127.0.0.1:1/none") as heard:
        pass
    assert heard.times == 0
    assert time.monotonic() - began < 5


def test_a_schedule_made_while_the_scheduler_sleeps_fires_at_its_time(
    database: Database,
    start_scheduler: Start,
    database_url: str,
    sql: "psycopg.Connection[tuple[Any, ...]]",
) -> None:
    scheduler = start_scheduler(database_url, SCHEDULER_TICK_SECONDS="3600")
    listening(sql)
    with database.begin() as conn:
        made = rows.create(conn, cron_expression="@every 60s")
        # The schedule is due in 1 s instead of 60 s. The same transaction sends the hint.
        conn.exec_driver_sql("UPDATE scheduled_jobs SET next_run_at = now() + interval '1 s'")
    fired = scheduler.wait_for("schedule.fired")
    assert fired["schedule_id"] == made.id
    late = sql.execute(
        "SELECT extract(epoch FROM fired_at - due_at) FROM scheduled_job_runs"
    ).fetchone()
    assert late
    assert 0 <= late[0] < 5


def test_fires_in_time_although_nobody_can_listen(
    database: Database, start_scheduler: Start, database_url: str
) -> None:
    nowhere = database_url.replace(str(conninfo_to_dict(database_url)["dbname"]), "none")
    with database.begin() as conn:
        rows.create(conn)
        conn.exec_driver_sql("UPDATE scheduled_jobs SET next_run_at = now() + interval '2 s'")
    scheduler = start_scheduler(
        database_url, DATABASE_DIRECT_URL=nowhere, SCHEDULER_TICK_SECONDS="3600"
    )
    scheduler.wait_for("schedule.fired")
    assert scheduler.wait_for("hints.disconnected")
    code, seconds = scheduler.terminate()
    assert (code, seconds < 3) == (0, True)


def test_a_hint_in_the_middle_of_firing_is_not_lost(database: Database) -> None:
    stop = threading.Event()
    looped = Timetable(database, stop=stop, tick_seconds=3600)
    thread = threading.Thread(target=looped.run)
    looped.wake()
    thread.start()
    with database.begin() as conn:
        rows.create(conn)
        conn.exec_driver_sql("UPDATE scheduled_jobs SET next_run_at = now()")
    looped.wake()

    def fired() -> int:
        with database.begin() as conn:
            return rows.count(conn, "scheduled_job_runs")

    wait_until(fired, timeout=DEADLINE_SECONDS, describe="it slept on")
    stop.set()
    looped.wake()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
