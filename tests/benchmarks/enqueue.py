"""Measure the speed of enqueues: of new names, and of names whose job is live or has ended.

The figures `as the API does` call the API's function, which also writes an audit row for each job.
The other figures execute the statement alone, which returns no jobs and writes no audit rows.
Discovery and revisits use the statement in the same way.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from admin_api.resources import enqueueing as api
from benchmarks import queue_depth
from benchmarks.harness import Bench, Figure
from crawljobs.db.database import Database
from crawljobs.domain.actor import Actor
from crawljobs.domain.job import Enqueued, EnqueueResult, JobSource
from support import enqueueing

ONE_BY_ONE, ONE_BY_ONE_QUICK = 2_000, 300
BULK, BULK_QUICK = 50_000, 10_000
CHUNK = 10_000  # names per transaction
API_CHUNK = 1_000  # names per request to the API
CLAIMED_AT_ONCE = 1_000
ACTOR = Actor(name="benchmark")

Enqueue = Callable[[Database, Sequence[str]], list[EnqueueResult]]


def measure(bench: Bench) -> list[Figure]:
    few = ONE_BY_ONE_QUICK if bench.quick else ONE_BY_ONE
    many = BULK_QUICK if bench.quick else BULK
    return [
        *_figures(bench, "one by one", one_by_one, few),
        *_figures(bench, "one by one as the API does", one_by_one_as_the_api, few),
        *_figures(bench, "in bulk", in_bulk, many),
        *_figures(bench, "in bulk as the API does", in_bulk_as_the_api, many),
    ]


def _figures(bench: Bench, manner: str, enqueue: Enqueue, count: int) -> Iterator[Figure]:
    names = [f"sub_{number}" for number in range(count)]
    with (
        bench.database("enqueue") as url,
        contextlib.closing(Database(url, pool_size=1)) as database,
    ):
        for kind, expected in (
            ("of new subreddits", EnqueueResult.CREATED),
            ("into live jobs", EnqueueResult.MERGED),
            ("of subreddits whose job has ended", EnqueueResult.CREATED),
        ):
            begun = time.perf_counter()
            results = enqueue(database, names)
            seconds = time.perf_counter() - begun
            assert results == [expected] * count
            if expected is EnqueueResult.MERGED:
                end_all(database, count)
            yield Figure(f"enqueue {manner}, {kind}", count / seconds, "jobs/s")


def one_by_one(database: Database, names: Sequence[str]) -> list[EnqueueResult]:
    return [one(database, name).result for name in names]


def one(database: Database, name: str) -> Enqueued:
    """Enqueue one name. The transaction has only one statement."""
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


def one_by_one_as_the_api(database: Database, names: Sequence[str]) -> list[EnqueueResult]:
    return [result for name in names for result in _as_the_api(database, [name])]


def in_bulk_as_the_api(database: Database, names: Sequence[str]) -> list[EnqueueResult]:
    chunks = [names[at : at + API_CHUNK] for at in range(0, len(names), API_CHUNK)]
    return [result for chunk in chunks for result in _as_the_api(database, chunk)]


def _as_the_api(database: Database, names: Sequence[str]) -> list[EnqueueResult]:
    changes = database.run(
        lambda conn: api.enqueue(conn, ACTOR, names, priority=50, max_retries=3, visible_at=None)
    )
    return [change.enqueued.result for change in changes]


def end_all(database: Database, count: int) -> None:
    ended = 0
    while ended < count:
        claimed, _ = queue_depth.claim(database, at_most=CLAIMED_AT_ONCE)
        queue_depth.complete(database, claimed)
        ended += len(claimed)
