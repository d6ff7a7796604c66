"""Measure ten jobs per second while a transaction stays open, so that no dead row can be vacuumed.

A second database without an open transaction gets the same jobs at the same time, for comparison.
"""

import contextlib
import queue
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from benchmarks import enqueue, workers
from benchmarks.harness import Bench, Figure, percentile
from benchmarks.queue_depth import claim
from crawljobs.db.database import Database

MINUTES, MINUTES_QUICK = 10, 1
JOBS_PER_SECOND = 10
LAST_SHARE = 0.1  # of the time: the last tenth, with the most dead row versions
LOOKS = 200
AFTER_SECONDS = 30  # the time limit for the jobs that were enqueued last
CLAIM_P99_MS = 20.0
PILED_UP = JOBS_PER_SECOND  # at most the jobs of one second may wait for their begin

_DEAD = """
    SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'crawl_jobs'
"""


class Side:
    """One of the two databases, with its worker's reports about the jobs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.begun: queue.Queue[dict[str, Any]] = queue.Queue()
        self.database = Database(url, pool_size=1)
        self.asked: dict[int, float] = {}
        self.told: list[dict[str, Any]] = []
        self.most_behind = 0

    def enqueue(self, number: int) -> None:
        asked = time.monotonic()
        self.asked[enqueue.one(self.database, f"sub_{number}").job_id] = asked
        self.take()
        self.most_behind = max(self.most_behind, len(self.asked) - len(self.told))

    def take(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self.told.append(self.begun.get_nowait())

    def take_rest(self) -> None:
        deadline = time.monotonic() + AFTER_SECONDS
        while len(self.told) < len(self.asked):
            self.told.append(self.begun.get(timeout=max(0.0, deadline - time.monotonic())))

    def claims_ms(self, share: float) -> list[float]:
        """Return the milliseconds of the claims in the last `share` of the time."""
        return [1000 * job["claimed_in"] for job in self.told[-int(share * len(self.told)) :]]

    def starts_ms(self) -> list[float]:
        return [1000 * (job["at"] - self.asked[job["job_id"]]) for job in self.told]

    def looks_ms(self) -> list[float]:
        """Return the milliseconds of claims that find no job, but read all dead row versions."""
        return [1000 * claim(self.database)[1].whole for _ in range(LOOKS)]

    def dead(self) -> int:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(_DEAD).fetchone()
        assert row is not None
        return int(row[0])


def measure(bench: Bench) -> list[Figure]:
    minutes = MINUTES_QUICK if bench.quick else MINUTES
    with contextlib.ExitStack() as stack:
        sides = []
        for name in ("long_held", "long_free"):
            side = Side(stack.enter_context(bench.database(name)))
            stack.callback(side.database.close)
            stack.enter_context(workers.worker(name, side.url, "end", side.begun))
            sides.append(side)
        held, free = sides
        stack.enter_context(snapshot(held.url))
        feed(sides, jobs=minutes * 60 * JOBS_PER_SECOND)
        dead = {side: side.dead() for side in sides}
        looks = {side: side.looks_ms() for side in sides}
    title = f"{minutes} min, a transaction open"
    p99, free_p99 = (percentile(side.claims_ms(1), 0.99) for side in sides)
    return [
        Figure(f"claim p99, {title}", p99, "ms", limit=CLAIM_P99_MS),
        Figure(
            "claim p99, of the last tenth", percentile(held.claims_ms(LAST_SHARE), 0.99), "ms",
            limit=CLAIM_P99_MS,
        ),
        Figure("claim p99, without the transaction", free_p99, "ms"),
        Figure("enqueue to start p99", percentile(held.starts_ms(), 0.99), "ms"),
        Figure("the same without", percentile(free.starts_ms(), 0.99), "ms"),
        Figure("jobs behind, at most", held.most_behind, "", limit=PILED_UP),
        Figure("claim that finds nothing at the end, p50", percentile(looks[held], 0.5), "ms"),
        Figure("the same without", percentile(looks[free], 0.5), "ms"),
        Figure("dead tuples at the end", dead[held], ""),
        Figure("the same without", dead[free], ""),
    ]  # fmt: skip


@contextlib.contextmanager
def snapshot(url: str) -> Iterator[None]:
    """Hold a transaction open that has read a table and does nothing more."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT count(*) FROM crawl_jobs")
        yield


def feed(sides: list[Side], *, jobs: int) -> None:
    """Enqueue jobs on both sides, alternately and at a constant rate.

    The sleep waits for the time at which a job is due, so the rate does not depend on the claims.
    """
    begun = time.monotonic()
    for number in range(jobs):
        time.sleep(max(0.0, begun + number / JOBS_PER_SECOND - time.monotonic()))
        for side in sides if number % 2 else reversed(sides):
            side.enqueue(number)
    for side in sides:
        side.take_rest()
