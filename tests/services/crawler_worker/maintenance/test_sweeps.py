"""All sweeps run at once, do not stop one another, and end when the worker stops."""

import math
import threading
import time
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from crawler_worker.maintenance.sweeps import Maintenance
from crawljobs import errors, settings
from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue.maintenance import (
    count_merging,
    job_aging,
    job_maintenance,
    row_isolation,
)
from crawljobs.repository.queue.maintenance.job_aging import Aged, AgedUpTo
from support import jobs
from support.waiting import wait_until

SECONDS = 10
# Makes a job due, a job's worker disappear, a job old enough to age, and a job old enough to
# delete.
READY = """
    UPDATE crawl_jobs SET visible_at = now() - interval '1 s' WHERE id = :waiting;
    UPDATE crawl_jobs SET lease_expires_at = now() - interval '1 s' WHERE id = :crawling;
    UPDATE crawl_jobs SET queued_at = now() - interval '2 h' WHERE id = :queued;
    UPDATE crawl_jobs SET finished_at = now() - interval '90 days' WHERE id = :old;
"""


def end(maintenance: Maintenance) -> None:
    """Stop the sweeps, and wait for their threads. A thread may still open a connection."""
    pools = pools_of(maintenance)
    maintenance.stop()
    for pool in pools:
        pool.shutdown(wait=True)
    wait_for_threads(maintenance)


def pools_of(maintenance: Maintenance) -> list[Any]:
    return [executor._pool for executor in maintenance._scheduler._executors.values()]


def wait_for_threads(maintenance: Maintenance) -> None:
    threads = (maintenance._periodic, maintenance._operating, maintenance._mapping)
    for thread in (*threads, maintenance._recording):
        thread.join(SECONDS)


def swept(database: Database) -> dict[str, int]:
    with database.begin() as conn:
        in_status = [JobStatus.WAITING, JobStatus.CRAWLING, JobStatus.QUEUED]
        made = {str(status): jobs.in_status(conn, status, f"is_{status}") for status in in_status}
        made["old"] = jobs.in_status(conn, JobStatus.CANCELLED, "is_old")
        for statement in READY.strip().splitlines():
            name = statement.strip().rstrip(";").rpartition(":")[2]
            conn.execute(text(statement), {name: made[name]})
    return made


def state(database: Database) -> dict[int, tuple[str, int]]:
    with database.begin() as conn:
        rows = conn.execute(text("SELECT id, status, priority FROM crawl_jobs")).all()
    return {row.id: (row.status, row.priority) for row in rows}


def test_every_sweep_runs_at_once_and_none_after_the_stop(database: Database) -> None:
    made = swept(database)
    maintenance = Maintenance(database, settings.read_queue_settings({"LEASE_SECONDS": "1"}))
    assert maintenance.seconds_since_beat() == math.inf
    maintenance.start()

    def is_swept() -> bool:
        now = state(database)
        return (
            now[made["waiting"]][0] == "queued"
            and now[made["crawling"]][0] == "queued"
            and now[made["queued"]][1] > 50
            and made["old"] not in now
        )

    try:
        wait_until(is_swept, timeout=SECONDS, describe=lambda: state(database))
        assert maintenance.seconds_since_beat() == 0.0
    finally:
        end(maintenance)
    wait_until(
        lambda: maintenance.seconds_since_beat() == math.inf,
        timeout=SECONDS,
        describe="the thread of the sweeps to end",
    )


@pytest.mark.parametrize(
    ("error", "event", "task"),
    [
        (errors.DatabaseUnavailable("down"), "maintenance.postponed", "requeue"),
        # Each sweep logs its own error, so that the other sweeps of the task still run.
        (RuntimeError("a mistake"), "maintenance.failed", "job.requeued"),
    ],
)
def test_a_sweep_that_fails_is_logged_and_runs_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: Exception, event: str, task: str
) -> None:
    tried: list[int] = []

    def fail(*_: object, **__: object) -> int:
        tried.append(1)
        raise error

    monkeypatch.setattr(job_maintenance, "requeue_due_jobs", fail)
    chosen = settings.read_queue_settings({"REQUEUE_SECONDS": "0.1"})
    maintenance = Maintenance(database, chosen)
    with structlog.testing.capture_logs() as logged:
        maintenance.start()
        try:
            wait_until(lambda: len(tried) >= 2, timeout=SECONDS, describe="another try")
        finally:
            end(maintenance)
    assert {line["task"] for line in logged if line["event"] == event} == {task}


def test_a_sweep_goes_on_until_a_chunk_is_not_full_and_logs_the_sum(database: Database) -> None:
    chunks = iter([job_maintenance.CHUNK, job_maintenance.CHUNK, 1, 0])
    committed: list[int] = []
    maintenance = Maintenance(database, settings.read_queue_settings({}))
    with structlog.testing.capture_logs() as logged:
        total = maintenance._sweeps.run(
            "job.swept", lambda *_, **__: next(chunks), then=lambda: committed.append(1)
        )
    assert total == 2 * job_maintenance.CHUNK + 1
    assert len(committed) == 3
    assert [(line["event"], line["count"]) for line in logged] == [("job.swept", total)]


class Again:
    """Stands for the check for due and stale subreddits, which finds nothing."""

    def check_due(self) -> int:
        return 0

    def check_stale(self) -> int:
        return 0


def test_each_sweep_has_its_pace_and_prune_a_thread_of_its_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings.read_queue_settings({"AGING_EVERY_MIN": "7", "MAINTENANCE_MINUTES": "3"})
    maintenance = Maintenance(database, chosen, Again())  # type: ignore[arg-type]
    start = maintenance._scheduler.start
    monkeypatch.setattr(maintenance._scheduler, "start", lambda: start(paused=True))
    maintenance.start()
    try:
        planned = {
            job.func.__name__: (
                job.trigger.interval.total_seconds(),
                job.trigger.jitter,
                job.executor,
            )
            for job in maintenance._scheduler.get_jobs()
        }
        rules = {
            (job.coalesce, job.misfire_grace_time) for job in maintenance._scheduler.get_jobs()
        }
    finally:
        end(maintenance)
    wait_until(
        lambda: maintenance.seconds_since_beat() == math.inf,
        timeout=SECONDS,
        describe="the thread of the sweeps to end",
    )
    age, prune = chosen.aging_every.total_seconds(), chosen.maintenance_every.total_seconds()
    assert planned == {
        "check_due": (60, pytest.approx(6), "default"),
        "check_stale": (60, pytest.approx(6), "default"),
        "age": (age, pytest.approx(age / 10), "default"),
        "merge_counts": (15, pytest.approx(1.5), "default"),
        "prune": (prune, pytest.approx(prune / 10), "prune"),
        "erase_old_content": (900, pytest.approx(90), "prune"),
        "prune_authors": (3600, pytest.approx(360), "prune"),
    }
    assert rules == {(True, None)}


def test_the_stop_waits_for_no_sweep_and_ends_one_after_its_chunk(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end = threading.Event(), threading.Event()
    chunks: list[int] = []

    def merge(_: Connection) -> int:
        chunks.append(1)
        begun.set()
        assert may_end.wait(SECONDS)
        return job_maintenance.CHUNK

    monkeypatch.setattr(count_merging, "merge_counts", merge)
    maintenance = Maintenance(database, settings.read_queue_settings({}))
    maintenance.start()
    assert begun.wait(SECONDS)
    pools = pools_of(maintenance)
    stopped = time.monotonic()
    maintenance.stop()
    assert time.monotonic() - stopped < SECONDS / 2
    assert not maintenance._scheduler.running
    may_end.set()
    for pool in pools:
        pool.shutdown(wait=True)
    assert maintenance.merge_counts() == 0
    assert maintenance._sweeps.run("merge", lambda conn, **_: merge(conn)) == job_maintenance.CHUNK
    assert len(chunks) == 2
    wait_for_threads(maintenance)
    assert maintenance.seconds_since_beat() == math.inf


def test_a_sweep_ends_after_so_many_chunks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_isolation, "TRANSACTIONS_MAX", 3)
    maintenance = Maintenance(database, settings.read_queue_settings({}))
    swept = maintenance._sweeps.run("s", lambda *_, **__: job_maintenance.CHUNK)
    assert swept == 3 * job_maintenance.CHUNK


def test_counts_are_merged_until_a_chunk_is_not_full(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = [count_merging.CHUNK, count_merging.CHUNK, 3, 1]
    monkeypatch.setattr(count_merging, "merge_counts", lambda _: chunks.pop(0))
    maintenance = Maintenance(database, settings.read_queue_settings({}))
    assert maintenance.merge_counts() == 2 * count_merging.CHUNK + 3
    assert chunks == [1]


def test_requeueing_that_fails_at_the_end_requeued_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Connection) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(job_maintenance, "requeue_due_jobs", fail)
    assert Maintenance(database, settings.read_queue_settings({})).requeue() == 0


def test_aging_goes_on_where_the_last_chunk_ended(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [AgedUpTo(jobs.T0, number) for number in range(2)]
    found = iter([Aged(job_maintenance.CHUNK, places[0]), Aged(1, places[1])])
    begun_at: list[object] = []

    def age(_: Connection, *, beyond: object, **__: object) -> Aged:
        begun_at.append(beyond)
        return next(found)

    monkeypatch.setattr(job_aging, "age_starved_jobs", age)
    maintenance = Maintenance(database, settings.read_queue_settings({}))
    assert maintenance.age() == job_maintenance.CHUNK + 1
    assert begun_at == [None, places[0]]
