"""The scheduler's statements use their indexes, also with very many schedules."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import ClauseElement, text

from crawljobs.db.database import Connection, Database
from crawljobs.repository import scheduler_hint
from crawljobs.repository.queue import job_enqueue_sql
from crawljobs.repository.schedules import (
    due_schedules,
    ledger_pruning,
    schedule_ledger,
    schedule_quota,
    schedule_reads,
)
from support import plans
from support import schedule_rows as rows
from support.databases import Databases

SCHEDULES = 100_000
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def crowded(databases: Databases) -> Iterator[Database]:
    """Yield schedules that are due over three weeks. One in five has a ledger row and a job."""
    with databases.clone() as url:
        database = Database(url)
        with database.begin() as conn:
            rows.make_many(conn, SCHEDULES, due_at="now() + id * INTERVAL '20 seconds'")
            conn.execute(
                text("""
                    INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome)
                    SELECT id, now(), 'enqueued' FROM scheduled_jobs WHERE id % 5 = 0
                    """)
            )
            conn.execute(
                text("""
                    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,
                        scheduled_job_id, finished_at)
                    SELECT subreddit_id, 'succeeded', 1, 1, 'schedule', id, now()
                    FROM scheduled_jobs WHERE id % 5 = 0
                    """)
            )
            # One in ten schedules gets a step in place of its subreddit, and has had a group.
            conn.execute(
                text("""
                    UPDATE scheduled_jobs SET subreddit_id = NULL, next_run_at = 'infinity',
                        steps_next_run_at = next_run_at, steps = jsonb_build_array(
                            jsonb_build_object('key', 'a', 'subreddit', name,
                                'subreddit_id', subreddit_id))
                    WHERE id % 10 = 0
                    """)
            )
            conn.execute(
                text("""
                    INSERT INTO job_groups (created_by, scheduled_job_id)
                    SELECT 'x', id FROM scheduled_jobs WHERE id % 10 = 0
                    """)
            )
        with database.begin() as conn:
            conn.execute(text("ANALYZE subreddits, scheduled_jobs, scheduled_job_runs, crawl_jobs"))
            conn.execute(text("ANALYZE job_groups"))
        yield database
        database.close()


STATEMENTS: dict[str, tuple[ClauseElement, dict[str, Any], str]] = {
    "lock_due": (
        due_schedules._LOCK_DUE,
        {"now": None, "at_most": 100, "passed_over": [7]},
        "scheduled_jobs_due_idx",
    ),
    "seconds_until_next_due": (
        due_schedules._SECONDS_UNTIL_NEXT_DUE,
        {"now": None, "passed_over": [7]},
        "scheduled_jobs_due_idx",
    ),
    "lock_due_with_steps": (
        due_schedules._LOCK_DUE_WITH_STEPS,
        {"now": None, "at_most": 10, "passed_over": [7]},
        "scheduled_jobs_steps_due_idx",
    ),
    "seconds_until_next_due of steps": (
        due_schedules._SECONDS_UNTIL_NEXT_DUE,
        {"now": None, "passed_over": [7]},
        "scheduled_jobs_steps_due_idx",
    ),
    "last group of due schedules": (
        due_schedules._LOCK_DUE_WITH_STEPS,
        {"now": None, "at_most": 10, "passed_over": [7]},
        "job_groups_scheduled_job_id_idx",
    ),
    "unfinished groups": (
        due_schedules._UNFINISHED,
        {"ids": [1, 2]},
        "job_groups_scheduled_job_id_idx",
    ),
    "hint of a finished group": (
        scheduler_hint._HINT_IF_OVERDUE,
        {"schedule_ids": [1, 2], "now": None},
        "scheduled_jobs_pkey",
    ),
    "settle_runs": (
        schedule_ledger._SETTLE_RUNS,
        {
            "schedule_ids": [1],
            "due_ats": [NOON],
            "outcomes": ["merged"],
            "job_ids": [1],
            "group_ids": [None],
        },
        "scheduled_job_runs_scheduled_job_id_due_at_key",
    ),
    "advance": (
        due_schedules._ADVANCE,
        {"ids": [1], "next_run_ats": [NOON], "fired_ats": [None]},
        "scheduled_jobs_pkey",
    ),
    "enqueue": (
        job_enqueue_sql.ENQUEUE_STORED.clause,
        {"requests": '[{"names": ["sub7"], "first": 0, "priority": 1}]', "now": None},
        "subreddits_name_key",
    ),
    "hint": (scheduler_hint._HINT, {"due_at": NOON, "now": None}, "scheduled_jobs_due_idx"),
    "list_of_a_subreddit": (
        schedule_reads._listing(("subreddit",)),
        {"subreddit": "sub7", "after_id": 0, "at_most": 101},
        "scheduled_jobs_subreddit_id_idx",
    ),
    "list": (schedule_reads._listing(()), {"after_id": 0, "at_most": 101}, "scheduled_jobs_pkey"),
    "list_runs": (
        schedule_ledger._LIST,
        {"schedule_id": 1, "before": None, "at_most": 101},
        "scheduled_job_runs_scheduled_job_id_due_at_key",
    ),
    "prune_runs": (
        ledger_pruning._PRUNE,
        {"retention": timedelta(days=90), "at_most": 1000, "now": None},
        "scheduled_job_runs_fired_at_idx",
    ),
    "prune_runs_of_deleted": (
        ledger_pruning._PRUNE_DELETED,
        {"beyond": 0, "scan_limit": 1000, "at_most": 1000},
        "scheduled_job_runs_scheduled_job_id_due_at_key",
    ),
    "disable": (
        due_schedules._DISABLE,
        {"schedule_id": 1, "reason": "x", "now": None},
        "scheduled_jobs_pkey",
    ),
}


@pytest.fixture
def crowded_conn(crowded: Database) -> Iterator[Connection]:
    with crowded.begin() as conn:
        yield conn


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_uses_its_index_and_scans_no_table(crowded_conn: Connection, name: str) -> None:
    statement, values, index = STATEMENTS[name]
    plan = plans.generic_plan(crowded_conn, statement, values)
    assert plans.tables_scanned(plan) == []
    assert index in {node.get("Index Name") for node in plan}


def test_an_idle_look_compares_times_in_the_index_and_sorts_nothing(
    crowded_conn: Connection,
) -> None:
    statement, values, index = STATEMENTS["lock_due"]
    plan = plans.generic_plan(crowded_conn, statement, values)
    (look,) = (node for node in plan if node.get("Index Name") == index)
    assert "next_run_at <=" in look["Index Cond"]
    assert "enabled" in look["Filter"]  # checked again after the row is locked
    assert not [node for node in plan if "Sort" in node["Node Type"]]


def test_a_deleted_schedule_is_found_in_its_jobs_by_an_index(crowded_conn: Connection) -> None:
    clear = text("UPDATE crawl_jobs SET scheduled_job_id = NULL WHERE scheduled_job_id = :id")
    plan = plans.generic_plan(crowded_conn, clear, {"id": 1})
    assert plans.tables_scanned(plan) == []


def test_an_idle_tick_reads_a_handful_of_pages(crowded_conn: Connection) -> None:
    """For any number of schedules, an idle tick reads only a path in the index, and no row."""
    idle = (("lock_due", 4), ("lock_due_with_steps", 4), ("seconds_until_next_due", 12))
    for name, most in idle:
        statement, values, _ = STATEMENTS[name]
        values = {**values, "now": datetime.now(UTC) - timedelta(days=1)}
        assert plans.pages_read(crowded_conn, statement, values) <= most, name


def test_the_quota_reads_recent_jobs_by_their_end(crowded_conn: Connection) -> None:
    values = {"default": 100}
    plan = plans.generic_plan(crowded_conn, schedule_quota._ESTIMATE, values)
    assert "crawl_jobs" not in plans.tables_scanned(plan)
    assert "crawl_jobs_ended_idx" in {node.get("Index Name") for node in plan}
    assert not [node for node in plan if "Sort" in node["Node Type"]]
