"""Scheduler processes run side by side, obey signals, survive kill -9 and refuse wrong settings."""

import random
import socket
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from support.waiting import wait_until

Start = Callable[..., Any]
DEADLINE_SECONDS = 30  # long enough for a busy machine
AT_ONCE_SECONDS = 2.0  # one second, and one more for a busy machine
GATE = 7  # the key of an advisory lock that stops transactions in the middle


@pytest.fixture
def sql(database_url: str) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def one(sql: "psycopg.Connection[tuple[Any, ...]]", query: str) -> Any:
    row = sql.execute(query).fetchone()
    assert row
    return row[0]


def make_due(sql: "psycopg.Connection[tuple[Any, ...]]", count: int) -> None:
    sql.execute(
        "INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, %s) n", [count]
    )
    sql.execute(
        "INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, next_run_at) "
        "SELECT name, id, '@yearly', date_trunc('year', now()) FROM subreddits"
    )


def close_the_gate(sql: "psycopg.Connection[tuple[Any, ...]]") -> None:
    """Make each firing wait after it has written its ledger row and its job."""
    sql.execute(f"""
        CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NEW; END $$;
        CREATE TRIGGER gate BEFORE UPDATE ON scheduled_jobs
        FOR EACH ROW EXECUTE FUNCTION gate();
        SELECT pg_advisory_lock({GATE});
        """)


def wait_until_held_up(sql: "psycopg.Connection[tuple[Any, ...]]") -> None:
    wait_until(
        lambda: one(
            sql,
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event = 'advisory'",
        ),
        timeout=DEADLINE_SECONDS,
        describe="no scheduler came to the gate",
    )


@pytest.mark.parametrize("many", [3, pytest.param(8, marks=pytest.mark.deep)])
def test_several_processes_and_a_killed_one_fire_every_due_time_exactly_once(
    database_url: str,
    start_scheduler: Start,
    sql: "psycopg.Connection[tuple[Any, ...]]",
    many: int,
) -> None:
    schedulers = [start_scheduler(database_url, SCHEDULER_TICK_SECONDS="0.1") for _ in range(many)]
    for scheduler in schedulers:
        scheduler.wait_for("scheduler.started")
    count = 200 * many
    make_due(sql, count)
    wait_until(
        lambda: one(sql, "SELECT count(*) FROM scheduled_job_runs"),
        timeout=DEADLINE_SECONDS,
        describe="nothing fired",
    )
    random.choice(schedulers).kill()
    wait_until(
        lambda: one(sql, "SELECT count(*) FROM scheduled_job_runs") == count,
        timeout=DEADLINE_SECONDS,
        describe=lambda: one(sql, "SELECT count(*) FROM scheduled_job_runs"),
    )
    assert one(sql, "SELECT count(DISTINCT scheduled_job_id) FROM scheduled_job_runs") == count
    assert one(sql, "SELECT count(*) FROM crawl_jobs") == count
    assert one(sql, "SELECT count(*) FROM scheduled_jobs WHERE next_run_at > now()") == count


def test_kill_9_in_the_middle_of_firing_leaves_nothing_half(
    database_url: str, start_scheduler: Start, sql: "psycopg.Connection[tuple[Any, ...]]"
) -> None:
    make_due(sql, 5)
    close_the_gate(sql)
    victim = start_scheduler(database_url)
    wait_until_held_up(sql)
    victim.kill()
    state = "SELECT (SELECT count(*) FROM scheduled_job_runs) + (SELECT count(*) FROM crawl_jobs)"
    assert one(sql, state) == 0
    assert one(sql, "SELECT count(*) FROM scheduled_jobs WHERE next_run_at > now()") == 0
    sql.execute("SELECT pg_advisory_unlock_all()")
    start_scheduler(database_url, SCHEDULER_TICK_SECONDS="0.1")
    wait_until(
        lambda: one(sql, "SELECT count(*) FROM scheduled_jobs WHERE next_run_at > now()") == 5,
        timeout=DEADLINE_SECONDS,
        describe="the next scheduler did not take over",
    )
    assert one(sql, "SELECT count(*) FROM scheduled_job_runs WHERE outcome = 'enqueued'") == 5
    assert one(sql, "SELECT count(*) FROM crawl_jobs") == 5


def test_sigterm_ends_an_idle_one_at_once_with_success(
    database_url: str, start_scheduler: Start
) -> None:
    scheduler = start_scheduler(database_url)
    scheduler.wait_for("scheduler.started")
    code, seconds = scheduler.terminate()
    assert code == 0
    assert seconds < AT_ONCE_SECONDS
    assert scheduler.log_lines()[-1]["action"] == "scheduler.stopped"


def test_it_is_listed_among_the_processes_while_it_runs(
    database_url: str, start_scheduler: Start, sql: "psycopg.Connection[tuple[Any, ...]]"
) -> None:
    listed = "SELECT count(*) FROM service_instances WHERE role = 'scheduler'"
    scheduler = start_scheduler(database_url)
    wait_until(lambda: one(sql, listed) == 1, timeout=DEADLINE_SECONDS, describe="it is listed")
    details = one(sql, "SELECT details FROM service_instances WHERE role = 'scheduler'")
    assert details["settings"] == {"tick_seconds": 60.0}
    assert details["oldest_transaction_seconds"] >= 0
    assert "clock" in details
    code, _ = scheduler.terminate()
    assert code == 0
    assert one(sql, listed) == 0


def test_sigterm_does_not_wait_for_a_transaction_that_hangs(
    database_url: str, start_scheduler: Start, sql: "psycopg.Connection[tuple[Any, ...]]"
) -> None:
    make_due(sql, 1)
    close_the_gate(sql)
    scheduler = start_scheduler(database_url)
    wait_until_held_up(sql)
    code, seconds = scheduler.terminate()
    assert code == 0
    assert seconds < AT_ONCE_SECONDS
    last = scheduler.log_lines()[-1]
    assert (last["action"], last["level"]) == ("scheduler.drain_abandoned", "warning")
    assert one(sql, "SELECT count(*) FROM scheduled_job_runs") == 0


def test_sigterm_ends_one_that_still_waits_for_the_schema(
    empty_database_url: str, start_scheduler: Start
) -> None:
    scheduler = start_scheduler(empty_database_url)
    scheduler.wait_for("database.waiting_for_schema")
    code, seconds = scheduler.terminate()
    assert code == 0
    assert seconds < AT_ONCE_SECONDS


def test_a_wrong_setting_is_named_at_the_start(start_scheduler: Start) -> None:
    scheduler = start_scheduler("postgresql://127.0.0.1:1/none", SCHEDULER_TICK_SECONDS="0")
    assert scheduler.process.wait(DEADLINE_SECONDS) == 1
    assert scheduler.log.read_text().startswith("scheduler: SCHEDULER_TICK_SECONDS='0': expected")


def test_an_address_that_the_server_refuses_ends_the_process_with_failure(
    database_url: str, start_scheduler: Start
) -> None:
    name = str(conninfo.conninfo_to_dict(database_url)["dbname"])
    scheduler = start_scheduler(database_url.replace(name, "not_there"))
    assert scheduler.process.wait(DEADLINE_SECONDS) == 1
    failed = scheduler.wait_for("scheduler.start_failed")
    assert failed["level"] == "critical"
    assert failed["reason"].startswith("DATABASE_URL: expected an address")


def test_a_probe_port_that_is_taken_is_named_at_the_start(
    database_url: str, start_scheduler: Start
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        scheduler = start_scheduler(database_url, PROBE_BIND=f"127.0.0.1:{port}")
        assert scheduler.process.wait(DEADLINE_SECONDS) == 1
    assert f"scheduler: PROBE_BIND='127.0.0.1:{port}'" in scheduler.log.read_text()


def test_a_rule_broken_by_the_database_ends_the_process_with_failure(
    database_url: str, start_scheduler: Start, sql: "psycopg.Connection[tuple[Any, ...]]"
) -> None:
    scheduler = start_scheduler(database_url, SCHEDULER_TICK_SECONDS="0.1")
    scheduler.wait_for("scheduler.started")
    sql.execute("ALTER TABLE scheduled_jobs RENAME TO gone")
    assert scheduler.process.wait(DEADLINE_SECONDS) == 1
    assert scheduler.wait_for("scheduler.crashed")
