"""Measure how fast one or four worker processes empty a queue of jobs that do nothing.

All jobs are paused until the processes listen. Then the measurement starts. In the end every job
must exist, have succeeded, and have exactly one attempt.
"""

import contextlib
import queue
from dataclasses import dataclass
from typing import Any

import psutil
from sqlalchemy import text

from benchmarks import workers
from benchmarks.harness import Bench, Figure
from crawljobs.db.database import Database
from crawljobs.repository.queue import queue_pauses
from support.waiting import wait_until

JOBS, JOBS_QUICK = 100_000, 20_000
JOBS_FOR_MEMORY, JOBS_FOR_MEMORY_QUICK = 1_000_000, 50_000
OTHERS = 200_000  # other queued jobs, with a lower priority
PROCESSES = (1, 4)
MEMORY_MB = 120.0
FLAT_MB = 8.0  # a memory allocator causes changes up to this size by itself
# The best settings for jobs without work: large batches, and no log line for each job.
SETTINGS = {"WORKER_CONCURRENCY": "200", "LOG_LEVEL": "WARNING"}
WANTED, BEHIND = 50, 10  # priorities
LOOK_SECONDS = 0.05
DEADLINE_SECONDS = 900


@dataclass(frozen=True)
class Drained:
    """The result of a drain. `megabytes` is the resident memory of each worker at its end."""

    jobs: int
    seconds: float
    megabytes: list[float]

    @property
    def jobs_per_second(self) -> float:
        return self.jobs / self.seconds


def measure(bench: Bench) -> list[Figure]:
    jobs = JOBS_QUICK if bench.quick else JOBS
    figures = []
    for processes in PROCESSES:
        name = f"drain of {jobs:,}, {processes} process{'es' if processes > 1 else ''}"
        alone = drain(bench, jobs=jobs, processes=processes).jobs_per_second
        crowded = drain(bench, jobs=jobs, processes=processes, others=OTHERS).jobs_per_second
        figures += [
            Figure(name, alone, "jobs/s"),
            Figure(f"{name}, {OTHERS:,} others behind", crowded, "jobs/s"),
            Figure(f"{name}, without others against with", alone / crowded, "x", limit=1 / 0.9),
        ]
    return figures


def measure_memory(bench: Bench) -> list[Figure]:
    jobs = JOBS_FOR_MEMORY_QUICK if bench.quick else JOBS_FOR_MEMORY
    (least,) = drain(bench, jobs=jobs // 10, processes=1).megabytes
    (most,) = drain(bench, jobs=jobs, processes=1).megabytes
    return [
        Figure(f"memory of a worker after {jobs // 10:,} jobs", least, "MB", limit=MEMORY_MB),
        Figure(f"memory of a worker after {jobs:,} jobs", most, "MB", limit=MEMORY_MB),
        Figure("its growth between the two", most - least, "MB", limit=FLAT_MB),
    ]


def drain(
    bench: Bench,
    *,
    jobs: int,
    processes: int,
    others: int = 0,
    settings: dict[str, str] = SETTINGS,
    with_endpoint: bool = False,
) -> Drained:
    """Let new worker processes crawl all wanted jobs.

    `with_endpoint` subscribes an endpoint of webhooks to all jobs that succeed. Raises
    AssertionError if a job was lost, was crawled twice or has no attempt, or if a job has no event
    for the endpoint.
    """
    begun: queue.Queue[dict[str, Any]] = queue.Queue()  # stays empty: these workers report nothing
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(bench.database("drain"))
        database = Database(url, pool_size=1)
        stack.callback(database.close)
        fill(database, jobs=jobs, others=others)
        if with_endpoint:
            subscribe(database)
        pause(database)
        running = [
            stack.enter_context(workers.worker(f"worker-{n}", url, "quiet", begun, **settings))
            for n in range(processes)
        ]
        wait_until(
            lambda: listening(database) == processes,
            timeout=DEADLINE_SECONDS,
            describe="the workers to listen",
            every=LOOK_SECONDS,
        )
        started_at = resume(database)
        wait_until(
            lambda: nothing_left(database),
            timeout=DEADLINE_SECONDS,
            describe="the queue to be empty",
            every=LOOK_SECONDS,
        )
        memory = [psutil.Process(one.process.pid).memory_info().rss / 2**20 for one in running]
        pause(database)  # the jobs with the lower priority need not be crawled
        assert events(database) == (jobs if with_endpoint else 0)
        return Drained(jobs, check(database, jobs, started_at), memory)


def fill(database: Database, *, jobs: int, others: int) -> None:
    with database.begin() as conn:
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        conn.execute(
            text("INSERT INTO subreddits (name) SELECT 'sub_' || n FROM generate_series(1, :n) n"),
            {"n": jobs + others},
        )
        conn.execute(
            text(
                "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source) "
                "SELECT id, 'queued', wanted, wanted, 'user' FROM (SELECT id, CASE WHEN "
                "row_number() OVER (ORDER BY id) <= :jobs THEN CAST(:wanted AS smallint) "
                "ELSE CAST(:behind AS smallint) END AS wanted FROM subreddits) AS numbered"
            ),
            {"jobs": jobs, "wanted": WANTED, "behind": BEHIND},
        )
    prepare(database)


def subscribe(database: Database) -> None:
    with database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO webhook_endpoints (url, events, created_by) "
                "VALUES ('https://receiver.example', '{job.succeeded}', 'bench')"
            )
        )


def events(database: Database) -> int:
    """Return the number of jobs that have an event of webhooks."""
    with database.begin() as conn:
        query = text("SELECT count(DISTINCT job_id) FROM webhook_events")
        return int(conn.execute(query).scalar_one())


def prepare(database: Database) -> None:
    """Bring the tables and the disk into the same state before each measurement."""
    with database.read() as conn:
        conn.execute(text("VACUUM ANALYZE"))
        conn.execute(text("CHECKPOINT"))  # write the rows to the disk before the measurement


def pause(database: Database) -> None:
    with database.begin() as conn:
        queue_pauses.pause(conn, scope=queue_pauses.EVERYTHING, reason="bench", paused_by="bench")


def resume(database: Database) -> Any:
    with database.begin() as conn:
        queue_pauses.resume(conn, scope=queue_pauses.EVERYTHING)
        return conn.execute(text("SELECT clock_timestamp()")).scalar_one()


def listening(database: Database) -> int:
    """Return the number of workers whose keeper listens."""
    with database.begin() as conn:
        return int(
            conn.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name LIKE '%keeper' AND state = 'idle' "
                    "AND query NOT LIKE '%LISTEN%'"
                )
            ).scalar_one()
        )


def nothing_left(database: Database) -> bool:
    """Return whether every wanted job has ended.

    The query runs often, so it reads only the indexes of live jobs.
    """
    with database.begin() as conn:
        return not conn.execute(
            text(
                "SELECT EXISTS (SELECT 1 FROM crawl_jobs WHERE status = 'queued' "
                "AND priority >= :wanted) OR EXISTS (SELECT 1 FROM crawl_jobs "
                "WHERE status = 'crawling' AND priority >= :wanted)"
            ),
            {"wanted": WANTED},
        ).scalar_one()


def check(database: Database, jobs: int, started_at: Any) -> float:
    """Check that every job succeeded with one attempt. Return the seconds of the drain."""
    with database.begin() as conn:
        kept = conn.execute(
            text(
                "SELECT count(*) AS jobs, count(*) FILTER (WHERE status = 'succeeded') AS ended, "
                "coalesce(sum(attempts), 0) AS attempts, coalesce(min(attempts), 0) AS fewest, "
                "coalesce(max(attempts), 0) AS most, max(ended_at) AS ended_at "
                "FROM crawl_jobs AS job LEFT JOIN (SELECT job_id, count(*) AS attempts, "
                "max(ended_at) AS ended_at FROM crawl_job_attempts GROUP BY job_id) AS attempt "
                "ON attempt.job_id = job.id WHERE priority >= :wanted"
            ),
            {"wanted": WANTED},
        ).one()
    assert (kept.jobs, kept.ended, kept.attempts) == (jobs, jobs, jobs), kept
    assert (kept.fewest, kept.most) == (1, 1), kept
    seconds: float = (kept.ended_at - started_at).total_seconds()
    return seconds
