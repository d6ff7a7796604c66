"""Compare a drain on a large table with the same drain on an empty table, alternately.

The large table has a million other queued jobs and five million finished jobs.
"""

import contextlib
import queue
import statistics

import psycopg

from benchmarks import crowd, workers
from benchmarks import drain as drains
from benchmarks.harness import Bench, Figure
from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from support import enqueueing
from support.waiting import wait_until

QUEUED, QUEUED_QUICK = 1_000_000, 100_000
FINISHED_TO_QUEUED = 5
WAITING_SHARE = 0.1  # this share of the live jobs that `crowd` inserts is waiting, not queued
DRAINED, DRAINED_QUICK = 20_000, 5_000
ROUNDS, ROUNDS_QUICK = 5, 3
ENQUEUED_AT_ONCE = 1_000
DEADLINE_SECONDS = 300
LOOK_SECONDS = 0.1
# No aging during the measurement: another workload measures it.
SETTINGS = {**drains.SETTINGS, "AGING_AFTER_MIN": "10080"}

# The first attempts after an id. Their number is limited, because the worker may crawl other jobs
# afterwards.
_ENDED = """
    SELECT count(*), CAST(extract(epoch FROM max(ended_at) - min(started_at)) AS float8)
    FROM (SELECT started_at, ended_at FROM crawl_job_attempts WHERE id > %s ORDER BY id LIMIT %s)
        AS attempt
"""


def measure(bench: Bench) -> list[Figure]:
    queued = QUEUED_QUICK if bench.quick else QUEUED
    finished = FINISHED_TO_QUEUED * queued
    drained = DRAINED_QUICK if bench.quick else DRAINED
    rates: dict[str, list[float]] = {"empty": [], "new": [], "scattered": []}
    with bench.database("history_empty") as empty, bench.database("history_full") as full:
        live = int(queued / (1 - WAITING_SHARE))
        crowd.fill(full, finished=finished, live=live, subreddits=live)
        for number in range(ROUNDS_QUICK if bench.quick else ROUNDS):
            forget(empty)
            for kind, url in (("empty", empty), ("new", full)):
                enqueue(url, f"r{number}", drained)
                rates[kind].append(drain(url, drained))
            rates["scattered"].append(drain(full, drained))
    medians = {kind: statistics.median(found) for kind, found in rates.items()}
    behind = f"{queued:,} queued, {finished:,} finished"
    return [
        Figure(f"drain of {drained:,} on an empty table", medians["empty"], "jobs/s"),
        Figure(f"the same before {behind}", medians["new"], "jobs/s"),
        Figure("the best of those queued, scattered", medians["scattered"], "jobs/s"),
        Figure("drain, full against empty", medians["new"] / medians["empty"], "x", at_least=0.8),
        Figure("scattered, against empty", medians["scattered"] / medians["empty"], "x"),
    ]


def forget(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE crawl_jobs, crawl_job_attempts, crawl_job_count_changes")


def enqueue(url: str, prefix: str, count: int) -> None:
    """Enqueue jobs with a higher priority than all other queued jobs."""
    with contextlib.closing(Database(url, pool_size=1)) as database:
        for start in range(0, count, ENQUEUED_AT_ONCE):
            names = [f"{prefix}_{n}" for n in range(start, min(start + ENQUEUED_AT_ONCE, count))]
            with database.begin() as conn:
                enqueueing.enqueue_many(
                    conn, subreddits_named=names, priority=100, source=JobSource.USER
                )


def drain(url: str, count: int) -> float:
    """Start a worker process. Return its jobs per second from its first claim to the last end."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT coalesce(max(id), 0) FROM crawl_job_attempts").fetchone()
        assert row is not None
        with workers.worker("worker-1", url, "quiet", queue.Queue(), **SETTINGS) as worker:

            def seconds() -> float | None:
                assert worker.process.poll() is None, "the worker died"
                found = connection.execute(_ENDED, [row[0], count]).fetchone()
                assert found is not None
                return float(found[1]) if found[0] == count else None

            taken = wait_until(
                seconds,
                timeout=DEADLINE_SECONDS,
                describe=lambda: connection.execute(_ENDED, [row[0], count]).fetchone(),
                every=LOOK_SECONDS,
            )
    assert taken is not None
    return count / taken
