"""Enqueue one or many subreddits with one call, for tests and benchmarks."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from crawljobs.db.database import Connection
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.job import Enqueued, JobSource
from crawljobs.repository.queue import job_enqueue


def enqueue(
    conn: Connection,
    *,
    subreddit: str,
    priority: int,
    source: JobSource,
    now: datetime | None = None,
    **more: Any,
) -> Enqueued:
    """Enqueue a subreddit, and return the result. `more` has further fields of the request."""
    (enqueued,) = enqueue_many(
        conn, subreddits_named=[subreddit], priority=priority, source=source, now=now, **more
    )
    return enqueued


def enqueue_many(
    conn: Connection,
    *,
    subreddits_named: Iterable[str],
    priority: int,
    source: JobSource,
    now: datetime | None = None,
    **more: Any,
) -> list[Enqueued]:
    """Enqueue subreddits, and return a result for each. `more` has fields of the request."""
    request = EnqueueRequest(list(subreddits_named), priority, source, **more)
    return job_enqueue.enqueue(conn, [request], now=now)
