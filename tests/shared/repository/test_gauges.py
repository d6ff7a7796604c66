"""The monitoring numbers equal the rows of the tables, and reading them scans no large table."""

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import JobStatus
from crawljobs.domain.request_budget import PausedReason
from crawljobs.repository import gauge_query, gauges
from crawljobs.repository.operations import service_instances
from crawljobs.repository.queue import job_counts
from crawljobs.repository.reddit_api import budget_overview, slot_reservation
from support import plans, schedule_rows
from support.jobs import T0, crawling, enqueue, in_status

ROWS = 20_000


def test_an_empty_database_has_zeros(conn: Connection) -> None:
    found = gauges.read_gauges(conn)
    assert set(found.jobs.by_status.values()) == {0}
    assert (found.oldest_queued_seconds, found.longest_crawl_seconds) == (0, 0)
    assert (found.expired_leases, found.workers_alive, found.schedule_lag_seconds) == (0, 0, 0)
    assert found.reddit_budget_remaining is None
    assert found.database_bytes > 1_000_000


def test_jobs_leases_and_ages(conn: Connection) -> None:
    crawling(conn, "first")
    crawling(conn, "second", now=T0)
    in_status(conn, JobStatus.FAILED, "third")
    enqueue(conn, "fourth", now=T0 - timedelta(hours=2), priority=30)
    enqueue(conn, "fifth", priority=31)
    found = gauges.read_gauges(conn, now=T0 + timedelta(seconds=40))
    assert found.jobs.by_status[JobStatus.CRAWLING] == 2
    assert found.jobs.by_status[JobStatus.FAILED] == 1
    assert found.jobs.queued_by_priority == {30: 1, 31: 1}
    assert found.oldest_queued_seconds == 2 * 3600 + 40
    assert found.longest_crawl_seconds == 40
    assert found.expired_leases == 2
    assert gauges.read_gauges(conn, now=T0 + timedelta(seconds=20)).expired_leases == 0


def test_jobs_that_wait_for_what_is_over(conn: Connection) -> None:
    enqueue(conn, "later", visible_at=T0 + timedelta(minutes=1))
    minutes = [T0 + timedelta(minutes=after) for after in (0, 2, 3)]
    found = [gauges.read_gauges(conn, now=now).waiting_without_cause for now in minutes]
    assert found == [0, 0, 1]  # the sweeps have 65 seconds to free the job


def test_schedules_and_how_late_the_earliest_is(conn: Connection) -> None:
    schedule_rows.make(conn, "late", subreddit="aa", now=T0, next_run_at=T0 - timedelta(seconds=9))
    schedule_rows.make(conn, "soon", subreddit="bb", now=T0)
    schedule_rows.make(conn, "off", subreddit="cc", now=T0, enabled=False)
    found = gauges.read_gauges(conn, now=T0)
    assert (found.enabled_schedules, found.disabled_schedules) == (2, 1)
    found = gauges.read_gauges(conn, now=T0, schedules_at_most=1)
    assert (found.enabled_schedules, found.disabled_schedules) == (1, 1)
    assert found.schedule_lag_seconds == 9
    assert gauges.read_gauges(conn, now=T0 - timedelta(hours=1)).schedule_lag_seconds == 0
    for never in ("infinity", "-infinity"):  # values that a person wrote by hand
        conn.execute(text("UPDATE scheduled_jobs SET next_run_at = :never"), {"never": never})
        assert math.isfinite(gauges.read_gauges(conn, now=T0).schedule_lag_seconds)


def test_a_schedule_with_steps_is_late_unless_it_waits_for_its_last_group(
    conn: Connection,
) -> None:
    made = schedule_rows.create_with_steps(conn, steps=[("a",)], now=T0 - timedelta(hours=1))
    late = T0 + timedelta(seconds=7)
    found = gauges.read_gauges(conn, now=late)
    assert (found.enabled_schedules, found.schedule_lag_seconds) == (1, 7)
    conn.execute(
        text("INSERT INTO job_groups (created_by, scheduled_job_id) VALUES ('x', :id)"),
        {"id": made.id},
    )
    assert gauges.read_gauges(conn, now=late).schedule_lag_seconds == 0
    schedule_rows.make(conn, "later", subreddit="bb", now=T0, next_run_at=T0)
    assert gauges.read_gauges(conn, now=late).schedule_lag_seconds == 7
    conn.execute(
        text("UPDATE scheduled_jobs SET misfire_policy = 'skip', enabled = id = :id"),
        {"id": made.id},
    )
    assert gauges.read_gauges(conn, now=late).schedule_lag_seconds == 7


def test_workers_that_were_seen_lately_are_alive(conn: Connection) -> None:
    for name, role, ago in (("w1", "crawler-worker", 5), ("w2", "crawler-worker", 500)):
        seen_at = T0 - timedelta(seconds=ago)
        service_instances.seen(
            conn, name=name, role=role, version="1", details={}, starts=True, now=seen_at
        )
    service_instances.seen(conn, name="s", role="scheduler", version="1", details={}, now=T0)
    assert gauges.read_gauges(conn, now=T0).workers_alive == 1


def test_the_budget_that_is_left_in_the_window(conn: Connection) -> None:
    for _ in range(3):
        slot_reservation.reserve_slot(conn, client_id="id", longest_wait=60, now=T0)
    assert gauges.read_gauges(conn, now=T0).reddit_budget_remaining == 967
    assert gauges.read_gauges(conn, now=T0 + timedelta(hours=1)).reddit_budget_remaining == 970


@pytest.mark.parametrize("column", ["paused_until", "outage_until"])
@pytest.mark.parametrize("reserved", [0, 3, 970, 1_000])
@pytest.mark.parametrize("minutes", [-10, 0, 9, 10])  # stored window: next, current, current, past
@pytest.mark.parametrize("cap", [1, 1_000])
def test_the_budget_is_that_of_the_budget_overview_in_a_pause_too(
    conn: Connection, column: str, reserved: int, minutes: int, cap: int
) -> None:
    slot_reservation.reserve_slot(conn, client_id="id", longest_wait=60, now=T0)
    conn.execute(
        text(
            f"UPDATE reddit_budgets SET {column} = :until, reserved = :reserved, "
            "requests_per_window = :cap"
        ),
        {"until": T0 + timedelta(hours=1), "reserved": reserved, "cap": cap},
    )
    now = T0 + timedelta(minutes=minutes)
    (budget,) = budget_overview.overview(conn, now=now).clients
    assert gauges.read_gauges(conn, now=now).reddit_budget_remaining == budget.remaining


@pytest.mark.parametrize(("seconds", "is_paused"), [(-1, True), (0, False)])
def test_a_pause_ends_at_its_end(conn: Connection, seconds: int, is_paused: bool) -> None:
    slot_reservation.reserve_slot(conn, client_id="id", longest_wait=60, now=T0)
    conn.execute(text("UPDATE reddit_budgets SET paused_until = :until"), {"until": T0})
    found = gauges.read_gauges(conn, now=T0 + timedelta(seconds=seconds))
    assert found.paused[PausedReason.RATE_LIMIT] is is_paused


def test_a_transaction_that_holds_the_horizon_is_seen(
    database: Database, database_url: str
) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(1)")
        with database.begin() as conn:
            # A transaction that only holds a lock keeps no snapshot.
            assert gauges.read_gauges(conn).oldest_xmin_seconds == 0
    with psycopg.connect(database_url) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT 1")
        with database.begin() as conn:
            assert gauges.read_gauges(conn).oldest_xmin_seconds > 0


def test_dead_rows_count_against_live_ones(database: Database) -> None:
    with database.begin() as conn:
        conn.execute(text("ALTER TABLE crawl_jobs SET (autovacuum_enabled = off)"))
        for number in range(10):
            enqueue(conn, f"sub{number}")
    with database.begin() as conn:
        conn.execute(text("UPDATE crawl_jobs SET priority = 51"))
        conn.execute(text("SELECT pg_stat_force_next_flush()"))
    with database.begin() as conn:
        assert gauges.read_gauges(conn).dead_tuple_ratio == pytest.approx(0.5)


@pytest.fixture(scope="module")
def full(databases: Any) -> Iterator[Database]:
    """Yield a database with small tables. The planner scans them unless a statement prevents it."""
    with databases.clone() as url:
        opened = Database(url, pool_size=1)
        with opened.begin() as conn:
            conn.execute(
                text(
                    "INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, :n) n"
                ),
                {"n": ROWS},
            )
            conn.execute(
                text("""
                    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,
                        finished_at)
                    SELECT id, CASE WHEN id % 100 = 0 THEN 'queued' ELSE 'succeeded' END,
                        5, 5, 'user', CASE WHEN id % 100 <> 0 THEN now() END
                    FROM subreddits""")
            )
            conn.execute(
                text("""
                    INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, next_run_at)
                    SELECT 's' || id, id, '@hourly', now() FROM subreddits""")
            )
            conn.execute(
                text("""
                    INSERT INTO service_instances (name, role, version, details, seen_at)
                    SELECT 'w' || n, 'crawler-worker', '1', '{}', now() - n * interval '1 hour'
                    FROM generate_series(1, :n) AS n"""),
                {"n": ROWS},
            )
            conn.execute(text("ANALYZE crawl_jobs, scheduled_jobs, service_instances, subreddits"))
        yield opened
        opened.close()


def test_no_table_that_grows_is_scanned(full: Database) -> None:
    values = {"now": None, "share": 0.97, "alive_within": gauges.ALIVE_WITHIN}
    with full.begin() as conn:
        for statement in (
            gauge_query.all_gauges(gauges.SCHEDULES_MAX),
            job_counts.counts(job_counts.COUNT_MAX),
            job_counts.queued_by_priority(job_counts.COUNT_MAX),
        ):
            scanned = plans.tables_scanned(plans.generic_plan(conn, statement, values))
            # These tables are small: reddit_budgets has one row for each client id, and the counts
            # of jobs have few rows.
            small = {"reddit_budgets", "crawl_job_counts", "crawl_job_count_changes", "pg_database"}
            assert set(scanned) <= small
