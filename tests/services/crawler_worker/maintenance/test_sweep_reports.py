"""What the sweeps log and count of the rows that they change."""

import threading
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from crawler_worker.maintenance import clock_mending
from crawler_worker.maintenance.pruning import Pruning
from crawler_worker.maintenance.revisiting import Revisiting
from crawler_worker.maintenance.sweeps import Maintenance
from crawljobs import errors, settings
from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue.maintenance import clock_setbacks, job_pruning
from crawljobs.repository.queue.maintenance.job_maintenance import CHUNK
from crawljobs.repository.queue.maintenance.job_pruning import Pruned
from crawljobs.repository.schedules import ledger_pruning
from crawljobs.repository.schedules.ledger_pruning import Orphans
from support import jobs, schedule_rows
from support.counted import counted

Line = tuple[str, str, int]


def lines_of(logged: list[Any]) -> list[Line]:
    return [(line["log_level"], line["event"], line["count"]) for line in logged]


def maintenance(database: Database) -> Maintenance:
    return Maintenance(database, settings.read_queue_settings({}))


# Old rows of every kind. The runs of schedule 1, which was deleted, are new.
OLD = """
    INSERT INTO discovery_evidence (found_in, name, mentions, last_at)
    SELECT id, 'name_' || n, 1, now() - n * interval '50 days'
    FROM subreddits, generate_series(1, 3) AS n;
    INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, fired_at, outcome)
    SELECT (SELECT max(id) FROM scheduled_jobs), at, at, 'missed'
    FROM (SELECT now() - n * interval '999 days' FROM generate_series(0, 4) AS n) AS run (at);
    INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, fired_at, outcome)
    SELECT 1, now() - n * interval '1 minute', now(), 'missed' FROM generate_series(1, 5) AS n;
    INSERT INTO idempotency_keys (scope, key, request_hash, status, headers, created_at)
    SELECT 'jobs', n::text, decode(repeat('00', 32), 'hex'), 200, '{}', now() - interval '9 days'
    FROM generate_series(1, 6) AS n;
    INSERT INTO service_instances (name, role, version, details, seen_at)
    SELECT 'w' || n, 'crawler-worker', '1', '{}', now() - interval '9 days'
    FROM generate_series(1, 7) AS n;
    UPDATE crawl_jobs SET finished_at = now() - interval '99 days',
        created_at = now() - interval '99 days'
"""


def test_the_pruning_logs_how_many_rows_of_each_kind_it_deleted(database: Database) -> None:
    with database.begin() as conn:
        jobs.in_status(conn, JobStatus.SUCCEEDED)
        schedule_rows.create(conn, "gone")
        schedule_rows.create(conn, "kept")
        conn.execute(text("DELETE FROM scheduled_jobs WHERE id = 1"))
        for statement in OLD.split(";"):
            conn.exec_driver_sql(statement)
    with structlog.testing.capture_logs() as logged:
        assert maintenance(database).prune() == 1
    assert lines_of(logged) == [
        ("info", "job.pruned", 1),
        ("info", "schedule_run.pruned", 4),
        ("info", "schedule_run.orphans_pruned", 5),
        ("info", "evidence.pruned", 2),
        ("info", "idempotency_key.pruned", 6),
        ("info", "instance.pruned", 7),
    ]
    with database.begin() as conn:
        conn.execute(text("DELETE FROM maintenance_runs"))
    with structlog.testing.capture_logs() as logged:
        assert maintenance(database).prune() == 0
    assert logged == []


@pytest.mark.parametrize(
    ("chunks", "calls", "deleted"),
    [
        ([(0, True), (3, False), (9, False)], 2, 3),  # the first deletes attempts alone
        ([(CHUNK, True), (0, False), (9, False)], 2, CHUNK),
        ([(CHUNK, False), (9, False)], 1, CHUNK),
        ([(0, False), (9, False)], 1, 0),
    ],
)
def test_old_jobs_are_deleted_until_a_chunk_says_that_none_is_left(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    chunks: list[tuple[int, bool]],
    calls: int,
    deleted: int,
) -> None:
    left = [Pruned(jobs=number, attempts=1, more=more) for number, more in chunks]
    monkeypatch.setattr(job_pruning, "prune_finished_jobs", lambda *_, **__: left.pop(0))
    assert maintenance(database).prune() == deleted
    assert len(left) == len(chunks) - calls


@pytest.mark.parametrize(
    ("is_stopping", "places", "count"), [(False, [0, 7, 9], 3), (True, [0], 2)]
)
def test_the_runs_of_deleted_schedules_are_deleted_in_chunks_until_the_worker_stops(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    is_stopping: bool,
    places: list[int],
    count: int,
) -> None:
    chunks = iter([Orphans(2, 7), Orphans(0, 9), Orphans(1, None)])
    begun_at: list[int] = []

    def prune(_: Connection, *, beyond: int) -> Orphans:
        begun_at.append(beyond)
        return next(chunks)

    monkeypatch.setattr(ledger_pruning, "prune_runs_of_deleted", prune)
    stopping = threading.Event()
    if is_stopping:
        stopping.set()
    with structlog.testing.capture_logs() as logged:
        assert Pruning(database, settings.read_queue_settings({}), stopping).run() == 0
    assert begun_at == places
    assert lines_of(logged) == [("info", "schedule_run.orphans_pruned", count)]


def test_the_revisits_log_and_count_the_jobs_that_they_enqueue(database: Database) -> None:
    with database.begin() as conn:
        conn.exec_driver_sql("""
            INSERT INTO subreddits (name, access, last_crawled_at, next_crawl_at) VALUES
                ('due_1', 'public', NULL, now()), ('due_2', 'private', NULL, now()),
                ('stale_1', 'public', now() - interval '99 days', NULL)
            """)
    revisiting = Revisiting(database, settings.read_revisit_settings({}), max_retries=3)
    for check, event, count in (
        (revisiting.check_due, "subreddit.due", 2),
        (revisiting.check_stale, "subreddit.stale", 1),
    ):
        with structlog.testing.capture_logs() as logged, counted() as grown:
            assert check() == count
        assert lines_of(logged) == [("info", event, count)]
        assert grown == {"jobs_enqueued_total{stale,created}": count}
        with database.begin() as conn:
            conn.execute(text("DELETE FROM maintenance_runs"))
        with structlog.testing.capture_logs() as logged, counted() as grown:
            assert check() == 0
        assert (logged, grown) == ([], {})


AHEAD = "now() + interval '400 days'"


def test_corrected_times_are_logged_by_their_kind(database: Database) -> None:
    with database.begin() as conn:
        jobs.enqueue(conn, "one", now=None)
        jobs.enqueue(conn, "two", now=None)
        conn.exec_driver_sql(f"UPDATE crawl_jobs SET queued_at = {AHEAD}")
        conn.exec_driver_sql(f"UPDATE subreddits SET last_crawled_at = {AHEAD} WHERE name = 'one'")
    found = maintenance(database)
    with structlog.testing.capture_logs() as logged:
        assert found.mend() == 3
    assert {(line["log_level"], line["event"]) for line in logged} == {("warning", "clock.mended")}
    assert {line["what"]: line["count"] for line in logged} == {"queued": 2, "last_crawled_at": 1}
    with structlog.testing.capture_logs() as logged:
        assert found.mend() == 0  # another run of the same interval
        with database.begin() as conn:
            conn.execute(text("DELETE FROM maintenance_runs"))
        assert found.mend() == 0
    assert logged == []


def test_a_kind_of_time_that_cannot_be_corrected_stops_no_other_kind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend, bad = clock_setbacks.mend, "reddit_budgets"

    def fail(conn: Connection, *, what: str, **options: Any) -> int:
        if what == bad:
            raise ZeroDivisionError
        return mend(conn, what=what, **options)

    monkeypatch.setattr(clock_setbacks, "mend", fail)
    with database.begin() as conn:
        jobs.enqueue(conn, "one", now=None)
        conn.exec_driver_sql(f"UPDATE crawl_jobs SET queued_at = {AHEAD}")
    with structlog.testing.capture_logs() as logged:
        assert maintenance(database).mend() == 1
    failed = [line for line in logged if line["event"] == "maintenance.failed"]
    assert [(line["log_level"], line["task"]) for line in failed] == [("error", f"mend {bad}")]
    assert [line["what"] for line in logged if line["event"] == "clock.mended"] == ["queued"]


def test_an_unavailable_database_ends_the_correction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def fail(_: Connection, *, what: str, **__: Any) -> int:
        tried.append(what)
        raise errors.DatabaseUnavailable("down")

    monkeypatch.setattr(clock_setbacks, "mend", fail)
    with pytest.raises(errors.DatabaseUnavailable):
        maintenance(database).mend()
    assert len(tried) == 1


@pytest.mark.parametrize(("seconds", "is_free"), [(0, False), (16.1, True)])
def test_the_times_are_corrected_by_one_worker_in_each_interval(
    database: Database, seconds: float, is_free: bool
) -> None:
    """The turn is free after 80 % of the 20 seconds, because workers run the task early."""
    assert clock_mending.EVERY_SECONDS == 20
    found = maintenance(database)
    found.mend()
    with database.begin() as conn:
        jobs.enqueue(conn, "one", now=None)
        conn.exec_driver_sql(f"UPDATE crawl_jobs SET queued_at = {AHEAD}")
        conn.execute(
            text("UPDATE maintenance_runs SET last_run_at = now() - make_interval(secs => :ago)"),
            {"ago": seconds},
        )
    assert found.mend() == int(is_free)
