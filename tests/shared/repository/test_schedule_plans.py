"""The scheduler's statements use their indexes, also with very many schedules."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import TextClause, text

from crawljobs.db.database import Connection, Database
from crawljobs.repository import due_schedules
from support import plans
from support import schedule_rows as rows
from support.databases import Databases

SCHEDULES = 20_000
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def crowded(databases: Databases) -> Iterator[Database]:
    """Schedules due over a month, one in ten disabled, each with a row in the ledger."""
    with databases.clone() as url:
        database = Database(url)
        with database.begin() as conn:
            rows.make_many(conn, SCHEDULES, due_at="now() + id * INTERVAL '2 minutes'")
            conn.execute(text("UPDATE scheduled_jobs SET enabled = false WHERE id % 10 = 0"))
            conn.execute(
                text("""
                    INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome)
                    SELECT id, now(), 'enqueued' FROM scheduled_jobs
                    """)
            )
        with database.begin() as conn:
            conn.execute(text("ANALYZE"))
        yield database
        database.close()


STATEMENTS: dict[str, tuple[TextClause, dict[str, Any], str]] = {
    "lock_due": (due_schedules._LOCK_DUE, {"now": None, "at_most": 100}, "scheduled_jobs_due_idx"),
    "seconds_until_next_due": (
        due_schedules._SECONDS_UNTIL_NEXT_DUE,
        {"now": None},
        "scheduled_jobs_due_idx",
    ),
    "settle_runs": (
        due_schedules._SETTLE_RUNS,
        {"schedule_ids": [1], "due_ats": [NOON], "outcomes": ["merged"], "job_ids": [1]},
        "scheduled_job_runs_scheduled_job_id_due_at_key",
    ),
    "advance": (
        due_schedules._ADVANCE,
        {"ids": [1], "next_run_ats": [NOON], "fired_ats": [None]},
        "scheduled_jobs_pkey",
    ),
    "disable": (
        due_schedules._DISABLE,
        {"id": 1, "reason": "x", "now": None},
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
    assert look["Filter"] == "enabled"  # looked at again once the row is locked
    assert not [node for node in plan if "Sort" in node["Node Type"]]
