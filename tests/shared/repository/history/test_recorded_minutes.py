"""A minute of the queue and of the budgets becomes one row, and the rows of an hour one more."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawler_worker.maintenance.history_recording import record_minute
from crawljobs.db.database import Connection
from crawljobs.domain.job import ErrorKind
from crawljobs.domain.request_budget import PausedReason
from crawljobs.repository.history import hourly_rows, minute_clock, queue_sample, sent_requests
from crawljobs.repository.reddit_api import reddit_outages, reddit_pauses, slot_reservation
from support import jobs, plans

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
AT = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)


def rows(conn: Connection, table: str = "queue_history", step: int = 1) -> list[Any]:
    return list(
        conn.execute(
            text(f"SELECT * FROM {table} WHERE step_minutes = :step ORDER BY at"), {"step": step}
        )
    )


def record(conn: Connection, at: datetime = AT) -> int:
    return record_minute(conn, at=at, now=at + MINUTE + 6 * SECOND)


def test_a_minute_is_due_once_and_a_second_write_changes_nothing(conn: Connection) -> None:
    now = AT + MINUTE
    assert minute_clock.due_minute(conn, now=now + 4 * SECOND) == AT - MINUTE
    assert minute_clock.due_minute(conn, now=now + 5 * SECOND) == AT
    assert record(conn) >= 1
    before = rows(conn)
    assert minute_clock.due_minute(conn, now=now + 30 * SECOND) is None
    jobs.enqueue(conn, "later", now=AT)
    assert record(conn) == 0
    assert rows(conn) == before


def test_the_row_has_the_states_and_the_events_of_its_minute(conn: Connection) -> None:
    for name, priority in {"aa": 0, "bb": 25, "cc": 60, "dd": 61, "ee": 75}.items():
        jobs.enqueue(conn, name, priority=priority, now=AT + 6 * SECOND)
    jobs.enqueue(conn, "parked", visible_at=AT + timedelta(days=1), now=AT)
    for number in range(3):  # claimed in the minute, after 10, 20 and 30 s
        jobs.enqueue(conn, f"quick{number}", priority=100, now=AT)
        claim = jobs.claim_one(conn, now=AT + (number + 1) * 10 * SECOND)
        if number < 2:
            jobs.complete(conn, claim=claim, outcome="crawled", now=AT + 40 * SECOND)
    jobs.enqueue(conn, "early", priority=100, now=AT - 5 * MINUTE)  # claimed before the minute
    early = jobs.claim_one(conn, now=AT - MINUTE)
    jobs.fail(conn, claim=early, kind=ErrorKind.PERMANENT, message="no", now=AT + MINUTE - SECOND)
    jobs.enqueue(conn, "late", priority=100, now=AT)
    late = jobs.claim_one(conn, now=AT + MINUTE)  # belongs to the next minute
    jobs.complete(conn, claim=late, outcome="crawled", now=AT + MINUTE + SECOND)
    conn.execute(
        text(
            "INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, fired_at, ticks, outcome) "
            "SELECT n, :at, :at, n, (ARRAY['enqueued', 'missed', 'skipped'])[n] "
            "FROM generate_series(1, 3) AS n"
        ),
        {"at": AT},
    )
    conn.execute(
        text(
            "INSERT INTO service_instances (name, role, version, details, seen_at) "
            "VALUES ('w', 'crawler-worker', '1', '{}', :now), "
            "('gone', 'crawler-worker', '1', '{}', :now - interval '1 hour'), "
            "('s', 'scheduler', '1', '{}', :now)"
        ),
        {"now": AT + MINUTE},
    )
    record(conn)
    (row,) = rows(conn)
    assert (row.waiting, row.crawling, row.workers) == (1, 1, 1)
    assert (row.queued_0_24, row.queued_25_49, row.queued_50_74, row.queued_75_100) == (1, 1, 2, 1)
    assert row.oldest_queued_seconds == 60
    assert (row.claims, row.succeeded, row.failed, row.cancelled) == (3, 2, 1, 0)
    assert (row.wait_p50_seconds, row.wait_p95_seconds) == (20, pytest.approx(29))
    assert (row.ticks_fired, row.ticks_missed) == (1, 5)
    assert row.database_bytes > 1_000_000
    assert (row.minutes, row.at) == (1, AT)


def test_workers_add_their_requests_and_the_sample_adds_the_state(conn: Connection) -> None:
    now = AT + 30 * SECOND
    slot_reservation.reserve_slot(conn, client_id="me", longest_wait=60, now=now)
    for counts in ({"requests_user": 2, "throttled": 1}, {"requests_user": 1, "failures": 4}):
        sent_requests.add(conn, client_id="me", counts=counts, now=now)
    conn.execute(text("UPDATE reddit_budgets SET others = 7, reserved = 8"))
    reddit_pauses.pause_all(conn, client_id="me", seconds=120, now=now)
    record(conn)
    conn.execute(text("UPDATE reddit_budgets SET others = 10"))
    reddit_outages.pause(
        conn,
        client_id="me",
        reason=PausedReason.CLIENT_REFUSED,
        detail="",
        is_probe=False,
        now=AT + MINUTE + 50 * SECOND,
    )
    record(conn, AT + MINUTE)
    first, second = rows(conn, "budget_history")
    assert (first.requests_user, first.throttled, first.failures) == (3, 1, 4)
    assert (first.others, first.usable, first.remaining) == (7, 970, 962)
    assert (first.rate_limited_minutes, first.refused_minutes) == (1, 0)
    assert (second.requests_user, second.others) == (0, 3)
    assert (second.rate_limited_minutes, second.refused_minutes) == (0, 1)


def test_an_hour_has_averages_sums_and_the_highest_values(conn: Connection) -> None:
    numbers = range(50, 59)
    for minute in numbers:
        record(conn, AT + minute * MINUTE)
        conn.execute(
            text(
                "UPDATE queue_history SET waiting = :n, claims = :n, failed = 2, "
                "wait_p50_seconds = :n, wait_p95_seconds = :n WHERE at = :at"
            ),
            {"n": minute, "at": AT + minute * MINUTE},
        )
    sent_requests.add(conn, client_id="me", counts={"requests_stale": 5}, now=AT + 57 * MINUTE)
    assert rows(conn, step=60) == []
    record(conn, AT + 60 * MINUTE)  # no worker recorded the last minute of the hour
    (hour,) = rows(conn, step=60)
    assert (hour.at, hour.minutes, hour.failed, hour.waiting) == (AT, 9, 18, 54)
    assert (hour.claims, hour.wait_p95_seconds) == (sum(numbers), 58)
    weighted = sum(number * number for number in numbers) / sum(numbers)
    assert hour.wait_p50_seconds == pytest.approx(weighted)
    (budget,) = rows(conn, "budget_history", step=60)
    assert (budget.requests_stale, budget.usable) == (5, None)
    assert hourly_rows.roll_up(conn, at=AT + 60 * MINUTE) == 0


def test_the_sample_reads_no_whole_table(conn: Connection) -> None:
    """The tables have more rows than the limits of the counts, with outdated statistics."""
    conn.execute(
        text(
            "INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome) "
            "SELECT n, 'w', :at, :at, 'succeeded' FROM generate_series(1, 60000) AS n"
        ),
        {"at": AT},
    )
    conn.execute(
        text("INSERT INTO subreddits (name) SELECT 's' || n FROM generate_series(1, 3000) AS n")
    )
    conn.execute(
        text(
            "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, "
            "finished_at) SELECT id, 'succeeded', 5, 5, 'user', :at FROM subreddits"
        ),
        {"at": AT},
    )
    values = {"at": AT, "now": AT + MINUTE}
    statements = {"sample": queue_sample.SAMPLE, "due": minute_clock.DUE}
    for name, statement in statements.items():
        scanned = plans.tables_scanned(plans.generic_plan(conn, statement, values))
        assert set(scanned) <= {"service_instances", "queue_history"}, name
    assert record(conn) >= 1
    (row,) = rows(conn)
    assert (row.claims, row.succeeded) == (queue_sample.EVENTS_MAX, 3000)
