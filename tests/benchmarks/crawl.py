"""Measure a crawl of fifty subreddits of the sandbox by worker processes.

The request budget is so large that no worker waits. The figures also show the CPU time of the
sandbox, the workers and Postgres.
"""

import os

import psutil
import psycopg
from sqlalchemy import text

from benchmarks import crawl_memory
from benchmarks.harness import Bench, Figure
from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from support import enqueueing, reddit_sandbox
from support.waiting import wait_until

SUBREDDITS, SUBREDDITS_QUICK = 50, 8
WORKERS = 2
BUDGET = 10_000_000  # requests per window, so that the rate limiter never waits
PATIENCE_SECONDS = 1_800
LOOK_SECONDS = 0.2
STOP_SECONDS = 40

_LEFT = "SELECT count(*) FROM crawl_jobs WHERE finished_at IS NULL"
_BROUGHT = """
    SELECT sum((job.checkpoint->>'requests')::int) AS requests,
        (SELECT count(*) FROM posts) AS posts, (SELECT count(*) FROM comments) AS comments,
        count(*) FILTER (WHERE job.outcome = 'crawled') AS crawled,
        CAST(extract(epoch FROM max(job.finished_at) - min(started_at)) AS float8) AS seconds
    FROM crawl_jobs AS job JOIN crawl_job_attempts AS attempt ON attempt.job_id = job.id
"""


def measure(bench: Bench) -> list[Figure]:
    wanted = SUBREDDITS_QUICK if bench.quick else SUBREDDITS
    options = ("--rate-limit", BUDGET, "--log-size", 100)
    with bench.database("crawl") as url, reddit_sandbox.serve(*options) as sandbox:
        names = sandbox.http.get("/sandbox/communities").json()["communities"][:wanted]
        database = Database(url, pool_size=1)
        with database.begin() as conn:
            enqueueing.enqueue_many(
                conn, subreddits_named=names, priority=50, source=JobSource.USER
            )
        workers = [
            crawl_memory.start(url, sandbox.url, DISCOVERY_MAX_DEPTH="0") for _ in range(WORKERS)
        ]
        parts = {
            "sandbox": lambda: family(sandbox.process.pid),
            "workers": lambda: [one for worker in workers for one in family(worker.pid)],
            "Postgres": lambda: postgres(url),
        }
        try:
            wait(database)
            spent = {part: cpu_seconds(find()) for part, find in parts.items()}
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(STOP_SECONDS)
        with database.begin() as conn:
            brought = conn.execute(text(_BROUGHT)).one()
        database.close()
    assert brought.crawled == wanted, brought
    cores = len(os.sched_getaffinity(0))
    return [
        Figure(f"crawl of {wanted} subreddits, {WORKERS} workers", brought.seconds, "s"),
        Figure("pages", brought.requests / brought.seconds, "per s"),
        Figure("posts and comments", (brought.posts + brought.comments) / brought.seconds, "per s"),
        Figure(
            "busy of all cores", 100 * sum(spent.values()) / (cores * brought.seconds), "%"
        ),
        *(
            Figure(f"CPU of {part} for a page", 1000 * seconds / brought.requests, "ms")
            for part, seconds in spent.items()
        ),
    ]  # fmt: skip


def wait(database: Database) -> None:
    """Wait until all jobs have ended."""

    def left() -> int:
        with database.begin() as conn:
            return int(conn.execute(text(_LEFT)).scalar_one())

    wait_until(
        lambda: not left(),
        timeout=PATIENCE_SECONDS,
        describe=lambda: f"{left()} jobs are left",
        every=LOOK_SECONDS,
    )


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def postgres(url: str) -> list[psutil.Process]:
    """Return the server processes that serve this database's sessions.

    The server's background processes are left out, because they use little CPU.
    """
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    with psycopg.connect(url) as connection:
        return [psutil.Process(int(pid)) for (pid,) in connection.execute(query)]


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)
