"""Measure claims, completions, lists and counts in tables of ten thousand to ten million jobs.

One sixth of the jobs are live. The tables take turns in each round.
"""

import contextlib
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import text

from benchmarks import crowd
from benchmarks.harness import Bench, Figure
from benchmarks.queue_depth import CLAIMED_AT_ONCE, claim, complete
from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from crawljobs.domain.job_filter import JobFilter, JobSort
from crawljobs.repository.queue import job_list, job_stats

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
SIZES_QUICK = (10_000, 100_000)
LIVE_SHARE = 1 / 6
ROUNDS, ROUNDS_QUICK = 300, 50
MIB = 1024 * 1024

T = TypeVar("T")

_SIZE = """
    SELECT pg_total_relation_size('crawl_jobs') + pg_total_relation_size('crawl_job_attempts')
"""


def measure(bench: Bench) -> list[Figure]:
    figures: list[Figure] = []
    with contextlib.ExitStack() as stack:
        opened = {}
        for size in SIZES_QUICK if bench.quick else SIZES:
            url = stack.enter_context(bench.database(f"growth_{size}"))
            live = int(size * LIVE_SHARE)
            crowd.fill(url, finished=size - live, live=live, subreddits=max(live, 2))
            opened[size] = Database(url, pool_size=1)
            stack.callback(opened[size].close)
        taken: dict[tuple[str, int], list[float]] = {}
        for _ in range(ROUNDS_QUICK if bench.quick else ROUNDS):
            for size, database in opened.items():
                for name, seconds in one_round(database).items():
                    taken.setdefault((name, size), []).append(1000 * seconds)
        for size, database in opened.items():
            with database.begin() as conn:
                megabytes = int(conn.execute(text(_SIZE)).scalar_one()) / MIB
            figures.append(Figure(f"tables and indexes, {size:,} jobs", megabytes, "MiB"))
    return [
        *(
            Figure(f"{name} p50, {size:,} jobs", statistics.median(found), "ms")
            for (name, size), found in sorted(taken.items())
        ),
        *figures,
    ]


def one_round(database: Database) -> dict[str, float]:
    """Return the seconds of one operation of each kind. The claimed jobs are completed."""
    claimed, claiming = claim(database)
    _, ending = timed(lambda: complete(database, claimed))
    failed = JobFilter(statuses=frozenset({JobStatus.FAILED}))
    with database.read() as conn:
        _, newest = timed(lambda: job_list.list_jobs(conn, filters=JobFilter()))
        _, ended = timed(lambda: job_list.list_jobs(conn, filters=failed, sort=JobSort.ENDED_LAST))
        _, stats = timed(lambda: job_stats.queue_stats(conn))
    return {
        f"claim of {CLAIMED_AT_ONCE}": claiming.whole,
        f"end of {CLAIMED_AT_ONCE}": ending,
        "list, the newest 100": newest,
        "list, the last 100 that failed": ended,
        "stats": stats,
    }


def timed(work: Callable[[], T]) -> tuple[T, float]:
    begun = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begun
