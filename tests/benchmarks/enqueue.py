"""What it takes to enqueue: names that nobody knew, and names whose job is live or has ended."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks import queue_depth
from benchmarks.harness import Bench, Figure
from crawljobs.db.database import Database
from crawljobs.domain.job import Enqueued, EnqueueResult, JobSource
from support import enqueueing

ONE_BY_ONE, ONE_BY_ONE_QUICK = 2_000, 300
BULK, BULK_QUICK = 50_000, 10_000
CHUNK = 10_000  # names of one transaction
CLAIMED_AT_ONCE = 1_000

Enqueue = Callable[[Database, Sequence[str]], list[EnqueueResult]]


def measure(bench: Bench) -> list[Figure]:
    return [
        *_figures(bench, "one by one", one_by_one, ONE_BY_ONE_QUICK if bench.quick else ONE_BY_ONE),
        *_figures(bench, "in bulk", in_bulk, BULK_QUICK if bench.quick else BULK),
    ]


def _figures(bench: Bench, manner: str, enqueue: Enqueue, count: int) -> Iterator[Figure]:
    names = [f"sub_{number}" for number in range(count)]
    with (
        bench.database("enqueue") as url,
        contextlib.closing(Database(url, pool_size=1)) as database,
    ):
        for what, expected in (
            ("of subreddits that nobody knew", EnqueueResult.CREATED),
            ("into live jobs", EnqueueResult.MERGED),
            ("of subreddits whose job has ended", EnqueueResult.CREATED),
        ):
            begun = time.perf_counter()
            results = enqueue(database, names)
            seconds = time.perf_counter() - begun
            assert results == [expected] * count
            if expected is EnqueueResult.MERGED:
                end_all(database, count)
            yield Figure(f"enqueue {manner}, {what}", count / seconds, "jobs/s")


def one_by_one(database: Database, names: Sequence[str]) -> list[EnqueueResult]:
    return [one(database, name).result for name in names]


def one(database: Database, name: str) -> Enqueued:
    """By itself, in one statement."""
    return database.run_statement(
        lambda conn: enqueueing.enqueue(conn, subreddit=name, priority=50, source=JobSource.USER)
    )


def in_bulk(database: Database, names: Sequence[str]) -> list[EnqueueResult]:
    results = []
    for at in range(0, len(names), CHUNK):
        enqueued = database.run(
            lambda conn, at=at: enqueueing.enqueue_many(
                conn,
                subreddits_named=names[at : at + CHUNK],
                priority=50,
                source=JobSource.USER,
            )
        )
        results += [each.result for each in enqueued]
    return results


def end_all(database: Database, count: int) -> None:
    ended = 0
    while ended < count:
        claimed, _ = queue_depth.claim(database, at_most=CLAIMED_AT_ONCE)
        queue_depth.complete(database, claimed)
        ended += len(claimed)
