"""No statement deletes or changes more rows than its limit, however many rows match."""

import re
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.administration import grants
from crawljobs.db.database import Connection, Database
from crawljobs.repository.queue.maintenance import job_pruning, pause_parking
from crawljobs.repository.queue.maintenance.job_pruning import Pruned
from crawljobs.repository.schedules import (
    ledger_pruning,
    schedule_deletion,
    schedule_reads,
)
from support import crawled, jobs, listed_jobs, service_statements
from support import schedule_rows as rows

CHUNK = 1_000
LONGEST_SECONDS = 1.0  # for one chunk on a busy machine; 43,000 rows took 2.3 s

_JOBS = """
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,
        scheduled_job_id, finished_at, created_at, queued_at)
    SELECT subreddit_id, 'succeeded', 1, 1, 'schedule', id,
        now() - interval '9 days', now() - interval '9 days', now() - interval '9 days'
    FROM scheduled_jobs, generate_series(1, :count) WHERE id = :id
    """
_RUNS = """
    INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome)
    SELECT :id, now() - n * interval '1 minute', 'enqueued' FROM generate_series(1, :count) AS n
    """
_ATTEMPTS = """
    INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome)
    SELECT id, 'w', now(), now(), 'deferred' FROM crawl_jobs, generate_series(1, :count)
    """


def fill(conn: Connection, statement: str, **values: int) -> None:
    conn.execute(text(statement), values)


def left(conn: Connection, table: str) -> int:
    return int(conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.mark.parametrize(
    "count", [3_000, pytest.param(50_000, marks=pytest.mark.deep)], ids=["3000", "50000"]
)
def test_a_schedule_is_deleted_without_writing_to_its_jobs(conn: Connection, count: int) -> None:
    deleted, kept = rows.create(conn, "deleted"), rows.create(conn, "kept")
    for statement in (_JOBS, _RUNS):
        fill(conn, statement, id=deleted.id, count=count)
        fill(conn, statement, id=kept.id, count=3)
    before, began = crawled.tuples_written(conn), time.monotonic()
    schedule_deletion.delete_schedule(conn, schedule_id=deleted.id)
    assert time.monotonic() - began < LONGEST_SECONDS
    assert crawled.tuples_written(conn) - before <= CHUNK + 1
    assert schedule_reads.get_schedule(conn, schedule_id=deleted.id) is None
    shown = {job.scheduled_job_id for job in listed_jobs.list_jobs(conn, limit=count + 3)}
    assert shown == {None, kept.id}
    beyond: int | None = 0
    while beyond is not None:
        before, began = crawled.tuples_written(conn), time.monotonic()
        orphans = ledger_pruning.prune_runs_of_deleted(conn, beyond=beyond)
        assert time.monotonic() - began < LONGEST_SECONDS
        assert crawled.tuples_written(conn) - before == orphans.deleted <= CHUNK
        beyond = orphans.beyond
    assert [run["scheduled_job_id"] for run in rows.ledger(conn)] == [kept.id] * 3


def test_the_ledger_is_looked_through_a_few_schedules_at_a_time(conn: Connection) -> None:
    made = [rows.create(conn, f"s{number}") for number in range(5)]
    for schedule in made:
        fill(conn, _RUNS, id=schedule.id, count=3)
    conn.execute(text("DELETE FROM scheduled_jobs WHERE id = ANY (:ids)"),
                 {"ids": [made[1].id, made[4].id]})  # fmt: skip
    seen, deleted, beyond = [], 0, 0
    while True:
        orphans = ledger_pruning.prune_runs_of_deleted(conn, beyond=beyond, scan_limit=2, at_most=2)
        deleted += orphans.deleted
        if orphans.beyond is None:
            break
        seen.append(orphans.beyond)
        beyond = orphans.beyond
    assert deleted == 6
    # Each call moves on by two schedules. It starts at the same schedule again if it deleted as
    # many rows as it may.
    assert seen == [0, made[1].id, made[3].id, made[3].id, made[4].id]
    assert left(conn, "scheduled_job_runs") == 9


@pytest.mark.parametrize(
    ("count", "each"),
    [(1_200, 2), (2, 2_500), pytest.param(50_000, 3, marks=pytest.mark.deep)],
    ids=["many jobs", "many attempts", "50000 jobs"],
)
def test_old_jobs_go_in_pieces_with_all_their_attempts(
    conn: Connection, count: int, each: int
) -> None:
    made = rows.create(conn)
    fill(conn, _JOBS, id=made.id, count=count)
    fill(conn, _ATTEMPTS, count=each)
    fill(conn, "ANALYZE crawl_jobs, crawl_job_attempts")
    kept = jobs.enqueue(conn, "live")
    total = Pruned(0, 0, more=True)
    while total.more:
        began = time.monotonic()
        piece = job_pruning.prune_finished_jobs(conn, retention=timedelta(days=7))
        assert time.monotonic() - began < LONGEST_SECONDS
        assert max(piece.jobs, piece.attempts) <= CHUNK
        total = Pruned(total.jobs + piece.jobs, total.attempts + piece.attempts, piece.more)
        orphans = "SELECT 1 FROM crawl_job_attempts WHERE job_id NOT IN (SELECT id FROM crawl_jobs)"
        if count < CHUNK:
            assert conn.execute(text(orphans)).first() is None
    assert (total.jobs, total.attempts) == (count, count * each)
    assert left(conn, "crawl_job_attempts") == 0
    assert [job.id for job in listed_jobs.list_jobs(conn)] == [kept]


def test_pauses_that_ended_are_forgotten_in_pieces(conn: Connection) -> None:
    fill(conn, """
        INSERT INTO queue_pauses (scope, reason, until, paused_by)
        SELECT n, 'x', now() - interval '2 hours', 'y' FROM generate_series(1, :count) AS n
        """, count=2_500)  # fmt: skip
    numbers = []
    while left(conn, "queue_pauses"):
        pause_parking.park_paused_jobs(conn)
        numbers.append(left(conn, "queue_pauses"))
    assert numbers == [1_500, 500, 0]


# These statements are bounded: they delete one row by its key, rows that the caller names, or the
# rows of one subreddit.
_KEYS = "id|scope|name|client_id|task|job_id|subreddit_id|author_id|post_id|found_in|a_id"
_OF_THE_CALLER = re.compile(
    rf"WHERE (\w+\.)?({_KEYS}) = (:|ANY \((CAST\(|:))"
    r"|WHERE \([\w., ]+\) IN \(SELECT [\w., ]+ FROM unnest\("
)


@pytest.mark.parametrize("service", [grants.ADMIN_API, grants.CRAWLER_WORKER, grants.SCHEDULER])
def test_every_statement_that_deletes_is_bounded(service: str) -> None:
    deleting = {
        name: " ".join(str(statement).split())
        for name, statement in service_statements.statements(service)
        if "DELETE FROM" in str(statement)
    }
    unbounded = [
        name
        for name, sql in deleting.items()
        for part in sql.split("DELETE FROM")[1:]
        if "LIMIT" not in part and not _OF_THE_CALLER.search(part) and "SELECT id FROM" not in part
    ]
    assert unbounded == []
    assert deleting or service == grants.SCHEDULER


def test_a_deletion_that_is_killed_leaves_all_or_nothing(database: Database) -> None:
    with database.begin() as conn:
        made = rows.create(conn)
        fill(conn, _RUNS, id=made.id, count=1_500)

    class Killed(Exception):
        pass

    def delete_and_die() -> None:
        with database.begin() as conn:
            schedule_deletion.delete_schedule(conn, schedule_id=made.id)
            raise Killed

    with pytest.raises(Killed):
        delete_and_die()
    with database.begin() as conn:
        assert schedule_reads.get_schedule(conn, schedule_id=made.id) is not None
        assert left(conn, "scheduled_job_runs") == 1_500
        schedule_deletion.delete_schedule(conn, schedule_id=made.id)
    with database.begin() as conn:
        assert left(conn, "scheduled_job_runs") == 500
        assert ledger_pruning.prune_runs_of_deleted(conn).deleted == 500
