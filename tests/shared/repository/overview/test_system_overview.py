"""The overview reads the conditions from the rows of the tables, and scans no large table."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import ClauseElement, event, text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.operations import service_instances
from crawljobs.repository.overview import (
    attention_numbers,
    database_state,
    disabled_schedules,
    live_processes,
    next_schedules,
    recent_failures,
    system_overview,
)
from crawljobs.repository.queue import queue_pauses
from support import plans, schedule_rows
from support.jobs import T0, crawling, enqueue, in_status

ROWS = 20_000
STATEMENTS_MAX = 19  # of one overview
LATER = T0 + timedelta(hours=3)


def alive(conn: Connection, now: Any = T0, version: str = "1") -> None:
    for role in ("crawler-worker", "scheduler"):
        service_instances.seen(
            conn, name=f"{role}-{version}", role=role, version=version, details={}, now=now
        )


def codes(conn: Connection, now: Any = T0, **options: Any) -> list[str]:
    """Return the conditions that hold. Tests that were rolled back leave dead rows behind."""
    found = system_overview.read_overview(conn, now=now, **options)
    return [each.code for each in found.attention if each.code != "dead_rows"]


def test_a_sound_system_needs_no_attention(conn: Connection) -> None:
    alive(conn)
    crawling(conn)
    enqueue(conn, "waits")
    assert codes(conn) == []
    assert codes(conn, now=T0 + timedelta(minutes=2)) == [
        "no_workers",
        "no_schedulers",
        "worker_lost",
        "leases_expired",
    ]


OPERATION = """
    INSERT INTO operations (kind, resource_type, resource_id, created_by, total, state, finished_at)
    VALUES ('cancel_group', 'job_group', 1, 'x', 1, 'failed', :now - interval '{hours} hours')
"""
SCHEDULE = """
    INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, enabled, disabled_reason,
        next_run_at)
    SELECT 's', id, '@daily', {columns} FROM subreddits
"""
PAUSE = """
    INSERT INTO queue_pauses (scope, reason, paused_by, until)
    VALUES (0, 'r', 'ops', :now + interval '{seconds} s')
"""
BUDGET = "INSERT INTO reddit_budgets (client_id, next_slot_at, {name}) VALUES ('me', :now, {value})"
ENDPOINT = """
    INSERT INTO webhook_endpoints (url, events, created_by, state, disabled_reason, disabled_at)
    VALUES ('x', '{{job.failed}}', 'x', 'disabled', '{reason}', :now)
"""
# (changed rows, the condition that they show)
CHANGES = (
    (PAUSE.format(seconds=1), "queue_paused"),
    (PAUSE.format(seconds=-1), None),
    (SCHEDULE.format(columns="false, 'broken', NULL"), "schedules_broken"),
    (SCHEDULE.format(columns="false, NULL, NULL"), None),
    (SCHEDULE.format(columns="true, NULL, :now - interval '121 s'"), "schedule_late"),
    (OPERATION.format(hours=23), "operations_failed"),
    (OPERATION.format(hours=25), None),
    (
        BUDGET.format(
            name="last_throttled_at, throttles_in_a_row", value=":now - interval '14 min', 3"
        ),
        "reddit_throttled",
    ),
    (
        BUDGET.format(
            name="last_throttled_at, throttles_in_a_row", value=":now - interval '14 min', 2"
        ),
        None,
    ),
    (
        BUDGET.format(
            name="last_throttled_at, throttles_in_a_row", value=":now - interval '16 min', 3"
        ),
        None,
    ),
    (
        BUDGET.format(
            name="outage_until, paused_reason", value=":now + interval '1 min', 'client_refused'"
        ),
        "reddit_refused",
    ),
    (BUDGET.format(name="paused_until", value=":now + interval '1 min'"), "reddit_paused"),
    ("INSERT INTO job_groups (created_by, held) VALUES ('x', 2)", "steps_held"),
    (ENDPOINT.format(reason="gone"), "webhook_disabled"),
    (ENDPOINT.format(reason="operator"), None),
    ("UPDATE service_instances SET version = '2' WHERE role = 'scheduler'", "versions_differ"),
    ("UPDATE crawl_jobs SET queued_at = :now - interval '11 min'", "queue_slow"),
    ("UPDATE crawl_jobs SET queued_at = :now - interval '9 min'", None),
)


@pytest.mark.parametrize(("change", "code"), CHANGES, ids=range(len(CHANGES)))
def test_rows_show_a_condition(conn: Connection, change: str, code: str | None) -> None:
    alive(conn)
    enqueue(conn, "python")
    conn.execute(text(change), {"now": T0})
    assert codes(conn) == ([] if code is None else [code])


def test_a_missing_success_counts_while_jobs_are_pending_alone(conn: Connection) -> None:
    alive(conn, LATER)
    in_status(conn, JobStatus.SUCCEEDED, "done")
    conn.execute(text("UPDATE crawl_jobs SET finished_at = :now"), {"now": T0})
    assert codes(conn, LATER) == []  # no job is pending
    job = enqueue(conn, "new", now=LATER - timedelta(minutes=5))
    assert codes(conn, LATER) == []  # the job is pending for five minutes
    conn.execute(
        text("UPDATE crawl_jobs SET queued_at = :since WHERE id = :id"),
        {"since": T0 + timedelta(minutes=5), "id": job},
    )
    assert "nothing_succeeds" in codes(conn, LATER)
    conn.execute(
        text("UPDATE crawl_jobs SET finished_at = :now WHERE status = 'succeeded'"),
        {"now": LATER - timedelta(minutes=59)},
    )
    assert "nothing_succeeds" not in codes(conn, LATER)
    # A job that waits for Reddit is pending, and a job that waits for its time is not.
    conn.execute(text("DELETE FROM crawl_jobs WHERE status = 'succeeded'"))
    waits = "UPDATE crawl_jobs SET status = 'waiting', wait_reason = :reason, visible_at = :now"
    for reason, pending in (("outage", True), ("later", False)):
        conn.execute(text(waits), {"reason": reason, "now": LATER + timedelta(seconds=1)})
        assert ("nothing_succeeds" in codes(conn, LATER)) is pending


def test_gaps_of_the_last_day_are_counted_by_subreddit(conn: Connection) -> None:
    alive(conn)
    for name in ("one", "two", "old"):
        in_status(conn, JobStatus.SUCCEEDED, name)
    conn.execute(text("UPDATE crawl_jobs SET finished_at = :now"), {"now": T0})
    gaps = "UPDATE subreddits SET gap_at = :at WHERE name = :name"
    for name, days in (("one", 0), ("two", 0.9), ("old", 1.1)):
        conn.execute(text(gaps), {"name": name, "at": T0 - timedelta(days=days)})
    assert attention_numbers.read_numbers(conn, now=T0).subreddits_with_gaps == 2
    assert codes(conn) == ["new_gaps"]


def test_schedules_and_failures_are_listed_up_to_a_limit(conn: Connection) -> None:
    schedule_rows.make_many(conn, 12, due_at="timestamptz '2040-01-01'")
    made = schedule_rows.create_with_steps(conn, steps=[("a",)], now=T0 - timedelta(hours=1))
    shown = next_schedules.next_due(conn)
    assert len(shown) == next_schedules.SHOWN
    assert (shown[0].id, shown[0].subreddit) == (made.id, None)
    for number in range(7):
        in_status(conn, JobStatus.FAILED, f"sub{number}")
    conn.execute(text("UPDATE crawl_jobs SET error_kind = 'permanent' WHERE id % 2 = 0"))
    conn.execute(text("UPDATE crawl_jobs SET error_message = repeat('x', 999)"))
    conn.execute(text("UPDATE crawl_jobs SET finished_at = :now"), {"now": T0})
    found = recent_failures.newest_failures(conn, now=T0)
    assert sum(found.by_error_kind.values()) == 7
    assert len(found.newest) == recent_failures.SHOWN
    assert {len(each.error_message or "") for each in found.newest} == {200}
    late = recent_failures.newest_failures(conn, now=T0 + timedelta(days=2))
    assert (late.by_error_kind, late.newest) == ({}, [])


def test_processes_are_counted_by_service_and_version(conn: Connection) -> None:
    alive(conn)
    alive(conn, version="2")
    alive(conn, T0 - timedelta(minutes=2), version="3")
    found = live_processes.count_alive(conn, now=T0)
    assert [(each.role, each.version, each.processes) for each in found] == [
        ("crawler-worker", "1", 1),
        ("crawler-worker", "2", 1),
        ("scheduler", "1", 1),
        ("scheduler", "2", 1),
    ]


@pytest.mark.parametrize(
    ("role", "published", "shown"),
    [
        ("scheduler", "700.5", 700.5),
        ("scheduler", '"700"', 0),
        ("scheduler", "null", 0),
        ("scheduler", "{}", 0),
        ("crawler-worker", "700", 0),
    ],
)
def test_the_scheduler_publishes_the_age_of_the_oldest_transaction(
    conn: Connection, role: str, published: str, shown: float
) -> None:
    """The role of the API does not see the transactions of other roles."""
    alive(conn)
    conn.execute(
        text(
            "UPDATE service_instances SET details = jsonb_build_object("
            "'oldest_transaction_seconds', CAST(:published AS jsonb)) WHERE role = :role"
        ),
        {"published": published, "role": role},
    )
    assert attention_numbers.read_numbers(conn, now=T0).published_horizon == shown
    assert ("long_transaction" in codes(conn)) is (shown > 600)
    assert attention_numbers.read_numbers(conn, now=LATER).published_horizon == 0


def test_an_overview_takes_a_fixed_number_of_statements(conn: Connection) -> None:
    alive(conn)
    for number in range(30):
        crawling(conn, f"sub{number}")
    queue_pauses.pause(conn, scope=0, reason="r", paused_by="ops", now=T0)
    sent: list[str] = []
    event.listen(conn, "before_cursor_execute", lambda *given: sent.append(given[2]))
    found = system_overview.read_overview(conn, now=T0)
    assert len(found.running) == system_overview.RUNNING_SHOWN
    assert len(sent) <= STATEMENTS_MAX


@pytest.fixture(scope="module")
def full(databases: Any) -> Iterator[Database]:
    """Yield a database with rows in each table that grows, and with correct statistics."""
    with databases.clone() as url:
        opened = Database(url, pool_size=1)
        with opened.begin() as conn:
            for statement in FULL.split(";\n"):
                conn.execute(text(statement), {"n": ROWS} if ":n" in statement else {})
        yield opened
        opened.close()


FULL = """
INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, :n) n;
INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, finished_at)
SELECT id, (ARRAY['queued', 'failed', 'succeeded', 'waiting'])[1 + id % 4], 5, 5, 'user',
    CASE WHEN id % 4 IN (1, 2) THEN now() - id * interval '1 min' END
FROM subreddits WHERE id % 4 <> 3;
INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, next_run_at, enabled,
    disabled_reason)
SELECT 's' || id, id, '@hourly', now(), id % 3 > 0, CASE WHEN id % 300 = 0 THEN 'x' END
FROM subreddits;
INSERT INTO service_instances (name, role, version, details, seen_at)
SELECT 'w' || n, 'crawler-worker', '1', '{}', now() - n * interval '1 hour'
FROM generate_series(1, :n) AS n;
INSERT INTO operations (kind, resource_type, resource_id, created_by, total, state, finished_at)
SELECT 'cancel_group', 'job_group', n, 'x', 1, 'succeeded', now() - n * interval '1 min'
FROM generate_series(1, :n) AS n;
ANALYZE
"""
STATEMENTS: dict[str, tuple[ClauseElement, dict[str, Any]]] = {
    "numbers": (attention_numbers.NUMBERS, {"now": None}),
    "failures": (recent_failures.FAILED, {"now": None}),
    "schedules": (next_schedules.NEXT, {}),
    "processes": (live_processes.ALIVE, {"now": None, "alive_within": timedelta(minutes=1)}),
    "broken": (disabled_schedules.BROKEN, {}),
    "server": (database_state.SERVER, {}),
    "programs": (database_state.PROGRAMS, {}),
}


@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
def test_no_table_that_grows_is_scanned(full: Database, name: str, mode: str) -> None:
    statement, values = STATEMENTS[name]
    with full.begin() as conn:
        plan = plans.generic_plan(conn, statement, values, mode=mode)
        small = {"reddit_budgets", "queue_pauses", "pg_database", "pg_authid"}
        assert set(plans.tables_scanned(plan)) <= small
        assert plans.pages_read(conn, statement, values) <= 8_000
