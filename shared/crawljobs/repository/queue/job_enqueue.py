"""Enqueue jobs, or merge requests into the live jobs of the same subreddits.

All services enqueue with this module. One statement takes any number of requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from sqlalchemy import Connection

from crawljobs import errors
from crawljobs.db.driver_statement import DriverStatement
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.job import Enqueued, EnqueueResult, Job, JobStatus
from crawljobs.repository.queue import enqueue_asks, job_enqueue_sql, job_reads
from crawljobs.repository.queue.enqueue_asks import Ask

T = TypeVar("T")
Row = tuple[Any, ...]

# The maximum number of executions of the statement for one name.
#
# - The first execution returns no row if another transaction has just inserted the subreddit.
# - The second execution returns no row if the live job was changed meanwhile, but locks this job.
# - The third execution merges the request into the live job.
# - Further executions are needed only if a job or a subreddit was deleted meanwhile.
RUNS_MAX = 6
NAMES_SHOWN = 5


@dataclass(frozen=True)
class EnqueueChange:
    """The result of a request to enqueue one subreddit: the job before and after the request.

    `before` is the live job into which the request was merged, or None if the job is new.
    """

    enqueued: Enqueued
    before: Job | None
    after: Job


def enqueue(
    conn: Connection, requests: Iterable[EnqueueRequest], *, now: datetime | None = None
) -> list[Enqueued]:
    """For each subreddit of the requests, enqueue a job, or merge the request into the live job.

    Inserts unknown subreddits. Returns one result for each subreddit of each request, in the order
    in which the names first occur. Names that differ only in case are the same subreddit.

    Raises InvalidSubredditName before any write. Raises DatabaseUnavailable if other transactions
    change the same subreddits all the time.
    """
    return _run(conn, job_enqueue_sql.ENQUEUE, requests, _read_results, now=now)


def enqueue_with_jobs(
    conn: Connection, requests: Iterable[EnqueueRequest], *, now: datetime | None = None
) -> list[EnqueueChange]:
    """Enqueue as `enqueue` does. Also returns each job as it was before and after its request."""
    return _run(conn, job_enqueue_sql.ENQUEUE_WITH_JOBS, requests, _read_changes, now=now)


def enqueue_stored(
    conn: Connection, requests: Iterable[EnqueueRequest], *, now: datetime | None = None
) -> list[Enqueued]:
    """Enqueue for stored subreddits only. The caller needs no database right to insert subreddits.

    Raises NotFound for an unknown subreddit. The caller must then roll back.
    """
    return _run(conn, job_enqueue_sql.ENQUEUE_STORED, requests, _read_results, now=now, stored=True)


def _run(
    conn: Connection,
    statement: DriverStatement,
    requests: Iterable[EnqueueRequest],
    read: Callable[[list[Row]], dict[int, T]],
    *,
    now: datetime | None,
    stored: bool = False,
) -> list[T]:
    asks = enqueue_asks.of_requests(requests)
    results: dict[int, T] = {}
    for wave in enqueue_asks.waves(asks):
        left = wave
        for _ in range(1 if stored else RUNS_MAX):
            rows = statement.rows(conn, {"requests": enqueue_asks.as_json(left), "now": now})
            results |= {left[place].place: result for place, result in read(rows).items()}
            left = [ask for ask in left if ask.place not in results]
            if not left:
                break
        else:
            _refuse(left, stored=stored)
    return [results[ask.place] for ask in asks]


def _refuse(asks: Sequence[Ask], *, stored: bool) -> NoReturn:
    names = ", ".join(ask.name for ask in asks[:NAMES_SHOWN])
    if stored:
        raise errors.NotFound(f"unknown subreddits: {names}")
    raise errors.DatabaseUnavailable(f"other transactions change {names} all the time; try again")


def _read_results(rows: list[Row]) -> dict[int, Enqueued]:
    return {
        place: Enqueued(job_id, name, _result(created, status))
        for place, name, job_id, status, created, _ in rows
    }


def _read_changes(rows: list[Row]) -> dict[int, EnqueueChange]:
    before: dict[int, Job] = {}
    after: dict[int, tuple[bool, Job]] = {}
    for place, created, _, *columns in rows:
        job = job_reads.job_of(columns)
        if created is None:
            before[place] = job
        else:
            after[place] = created, job
    return {
        place: EnqueueChange(
            Enqueued(job.id, job.subreddit, _result(created, job.status)), before.get(place), job
        )
        for place, (created, job) in after.items()
    }


def _result(created: bool, status: str) -> EnqueueResult:
    if created:
        return EnqueueResult.CREATED
    is_crawling = status == JobStatus.CRAWLING
    return EnqueueResult.RERUN_REQUESTED if is_crawling else EnqueueResult.MERGED
