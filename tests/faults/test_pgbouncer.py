"""F19: PgBouncer in transaction mode, for all but lease extensions, LISTEN and migrations."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.administration import grants
from crawljobs.db.database import Connection, Database
from support import admin_api, pgbouncer, service_process
from support.crew import PRODUCTION, Crew
from support.databases import Databases
from support.pgbouncer import PgBouncer
from support.reddit_sandbox import RunningSandbox
from support.roles import Roles, made
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

DEADLINE_SECONDS = 40


@pytest.fixture
def roles(databases: Databases) -> Iterator[Roles]:
    with made(databases) as roles_of_ours:
        yield roles_of_ours


@pytest.fixture
def database_url(roles: Roles) -> str:
    return roles.url


@pytest.fixture
def pooler(open_folder: Path, roles: Roles) -> Iterator[PgBouncer]:
    of_services = [roles.url_as(kind) for kind in grants.SERVICES]
    with pgbouncer.serve(open_folder, roles.url, *of_services) as running:
        yield running


def value(url: str, query: str) -> int:
    with psycopg.connect(url) as conn:
        row = conn.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_the_three_services_work_through_it_each_as_a_role_of_its_own(
    queue: WatchedQueue,
    crew: Crew,
    sandbox: RunningSandbox,
    pooler: PgBouncer,
    database_url: str,
    roles: Roles,
    tmp_path: Path,
) -> None:
    def both(kind: str) -> dict[str, str]:
        own = roles.url_as(kind)
        return {"DATABASE_URL": pooler.way_for(own), "DATABASE_DIRECT_URL": own}

    crew.sandbox_url = sandbox.url
    names = [f"pooled_{number}" for number in range(3)]
    queue.enqueue(*names)
    of_worker = {**both(grants.CRAWLER_WORKER), "MAX_POSTS_PER_SUB": "25"}
    workers = [crew.start(PRODUCTION, **of_worker) for _ in range(2)]
    scheduler = service_process.start(
        "scheduler",
        name="scheduler",
        log=tmp_path / "scheduler.log",
        variables={**both(grants.SCHEDULER), "SCHEDULER_TICK_SECONDS": "0.5"},
    )
    of_api = both(grants.ADMIN_API)
    way = of_api.pop("DATABASE_URL")
    api = admin_api.start_gunicorn(tmp_path, way, **of_api, ADMIN_API_WORKERS="1")
    try:
        with api.client() as client:
            assert client.get("/readyz").status_code == 200
            made = client.post("/api/admin/jobs", json={"subreddit": "by_api"})
            assert made.status_code == 201, made.text
            queue.accepted.append(made.json()["job"]["id"])
            wanted = {"name": "s", "subreddit": "by_schedule", "cron_expression": "@yearly"}
            schedule = client.post("/api/admin/scheduled-jobs", json=wanted)
            assert schedule.status_code == 201, schedule.text
        queue.rows("UPDATE scheduled_jobs SET next_run_at = now() RETURNING id")
        wait_until(
            lambda: queue.value("SELECT count(*) FROM scheduled_job_runs WHERE job_id > 0"),
            timeout=DEADLINE_SECONDS,
            describe=scheduler.log.read_text,
        )
        queue.accepted += [
            row.job_id for row in queue.rows("SELECT job_id FROM scheduled_job_runs")
        ]
        queue.wait_until_ended(timeout=DEADLINE_SECONDS, describe=crew.log)
        left = """
            SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
            WHERE locktype = 'advisory' AND datname = current_database()
            """
        assert value(database_url, left) == 0
    finally:
        api.stop()
        scheduler.kill()
    assert [worker.terminate()[0] for worker in workers] == [0, 0]
    queue.check_ended()


def test_a_pooler_that_dies_and_returns_costs_no_attempt(
    queue: WatchedQueue,
    crew: Crew,
    sandbox: RunningSandbox,
    pooler: PgBouncer,
    database_url: str,
) -> None:
    crew.sandbox_url = sandbox.url
    (first, *_) = queue.enqueue("big_1", "big_2", "big_3")
    worker = crew.start(PRODUCTION, DATABASE_URL=pooler.url, DATABASE_DIRECT_URL=database_url)
    wait_until(
        lambda: (queue.job(first).checkpoint or {}).get("posts", 0) > 0,
        timeout=DEADLINE_SECONDS,
        describe=crew.log,
    )
    pooler.stop()
    worker.wait_for("maintenance.postponed")
    pooler.start()
    queue.wait_until_ended(timeout=DEADLINE_SECONDS, describe=crew.log)
    assert worker.terminate()[0] == 0
    queue.check_ended()


def test_sessions_are_shared_and_nothing_of_one_transaction_reaches_another(
    pooler: PgBouncer, database_url: str
) -> None:
    """Many clients use few sessions. A transaction's setting must end with this transaction."""
    database = Database(pooler.url, pool_size=30, pooled=True, application_name="shared")
    seen: list[tuple[int, str]] = []

    def work(conn: Connection) -> None:
        pid, before = conn.execute(
            text("SELECT pg_backend_pid(), current_setting('work_mem')")
        ).one()
        conn.execute(text("SET LOCAL work_mem = '9MB'"))
        seen.append((pid, before))

    def many() -> None:
        for _ in range(10):
            database.run(work)

    threads = [threading.Thread(target=many) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    database.close()
    assert len(seen) == 300
    assert len({pid for pid, _ in seen}) <= 20
    assert {before for _, before in seen} == {"4MB"}


def test_a_full_pooler_answers_within_its_limit(pooler: PgBouncer) -> None:
    holders = [psycopg.connect(pooler.url, prepare_threshold=None) for _ in range(20)]
    database = Database(pooler.url, pool_size=1, pooled=True)
    try:
        for holder in holders:
            holder.execute("SELECT 1")  # the holder has a session until it commits
        began = time.monotonic()
        with pytest.raises(errors.DatabaseUnavailable):
            database.run(lambda conn: conn.execute(text("SELECT 1")))
        assert time.monotonic() - began < DEADLINE_SECONDS / 2
        holders[0].commit()
        assert database.run(lambda conn: conn.execute(text("SELECT 1")).scalar_one()) == 1
    finally:
        for holder in holders:
            holder.close()
        database.close()
