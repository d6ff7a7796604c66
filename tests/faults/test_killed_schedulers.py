"""A scheduler that is killed in a tick leaves nothing, and the next scheduler fires once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from crawljobs.db.database import Database
from support import schedule_rows, service_process
from support.service_process import ServiceProcess
from support.waiting import wait_until

DEADLINE_SECONDS = 30
GATE = 7  # the key of an advisory lock that stops transactions in the middle
# The statements of a tick of a schedule with steps, in their order.
STATEMENTS = (
    ("INSERT", "scheduled_job_runs"),
    ("INSERT", "job_groups"),
    ("INSERT", "group_steps"),
    ("INSERT", "step_waits"),
    ("UPDATE", "scheduled_job_runs"),
    ("UPDATE", "scheduled_jobs"),
)
Start = Callable[..., ServiceProcess]
Sql = Any


@pytest.fixture
def sql(database_url: str) -> Iterator[Sql]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def start_scheduler(database_url: str, tmp_path: Path) -> Iterator[Start]:
    started: list[ServiceProcess] = []

    def start() -> ServiceProcess:
        name = f"scheduler-{len(started)}"
        variables = {"DATABASE_URL": database_url, "SCHEDULER_TICK_SECONDS": "0.1"}
        log = tmp_path / f"{name}.log"
        started.append(service_process.start("scheduler", name=name, log=log, variables=variables))
        return started[-1]

    yield start
    for scheduler in started:
        scheduler.kill()


def one(sql: Sql, query: str) -> Any:
    return sql.execute(query).fetchone()[0]


def kill_at(sql: Sql, start_scheduler: Start, statement: str, table: str) -> None:
    """Start a scheduler, and kill it while it executes this statement of its tick."""
    sql.execute(
        f"CREATE TRIGGER gate BEFORE {statement} ON {table} FOR EACH ROW EXECUTE FUNCTION gate()"
    )
    sql.execute(f"SELECT pg_advisory_lock({GATE})")
    victim = start_scheduler()
    wait_until(
        lambda: one(
            sql,
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event = 'advisory'",
        ),
        timeout=DEADLINE_SECONDS,
        describe=f"no scheduler came to the {statement} of {table}",
    )
    victim.kill()
    for left in ("scheduled_job_runs", "job_groups", "group_steps", "step_waits"):
        assert one(sql, f"SELECT count(*) FROM {left}") == 0
    # The server ends the killed session when it writes to it next; the locks are free then.
    sql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event = 'advisory'"
    )
    sql.execute("SELECT pg_advisory_unlock_all()")
    sql.execute(f"DROP TRIGGER gate ON {table}")


def test_kill_9_in_the_middle_of_a_tick_leaves_exactly_one_group_for_each_due_time(
    database: Database, sql: Sql, start_scheduler: Start, pytestconfig: pytest.Config
) -> None:
    """The deep test kills a scheduler at each statement."""
    with database.begin() as conn:
        for number in range(3):
            schedule_rows.create_with_steps(
                conn,
                f"map {number}",
                steps=[("a",), ("b", "a"), ("c", "a", "b")],
                cron_expression="@yearly",
            )
    sql.execute("UPDATE scheduled_jobs SET steps_next_run_at = date_trunc('year', now())")
    sql.execute(
        "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS "
        f"'BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NEW; END'"
    )
    for statement, table in STATEMENTS if pytestconfig.option.deep else STATEMENTS[3:4]:
        kill_at(sql, start_scheduler, statement, table)
    for _ in range(2):
        start_scheduler()
    wait_until(
        lambda: one(sql, "SELECT count(*) FROM scheduled_job_runs") == 3,
        timeout=DEADLINE_SECONDS,
        describe=lambda: one(sql, "SELECT count(*) FROM scheduled_job_runs"),
    )
    found = sql.execute("""
        SELECT run.outcome, job_group.pending, job_group.sealed_at IS NOT NULL,
            count(step.id)::int, sum(step.waiting_for)::int
        FROM scheduled_job_runs AS run
            JOIN job_groups AS job_group
                ON job_group.id = run.group_id AND job_group.due_at = run.due_at
            JOIN group_steps AS step ON step.group_id = job_group.id
        GROUP BY run.id, job_group.id
        """).fetchall()
    assert found == [("enqueued", 3, True, 3, 3)] * 3
    assert one(sql, "SELECT count(*) FROM job_groups") == 3
    assert one(sql, "SELECT count(*) FROM step_waits") == 9
    assert one(sql, "SELECT count(*) FROM scheduled_jobs WHERE steps_next_run_at > now()") == 3
    assert one(sql, "SELECT count(*) FROM scheduled_jobs WHERE NOT enabled") == 0
