"""Read the jobs that sent the most requests to Reddit, among running and recently ended ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, union_all

from crawljobs.db.tables import crawl_jobs, subreddits
from crawljobs.repository import finished_jobs
from crawljobs.repository.reddit_api.request_spending import (
    RUNNING_MAX,
    SAMPLE,
    requests_of,
)
from crawljobs.repository.sql import NOW, inline, inline_interval, inline_number

SHOWN = 10

_job = crawl_jobs.c
_ended = finished_jobs.newest_finished(
    "id",
    "finished_at",
    "subreddit_id",
    "source",
    "status",
    "checkpoint",
    limit=SAMPLE,
    conditions=[_job.finished_at > NOW - inline_interval("1 hour")],
)
_running = (
    select(_job.id, _job.subreddit_id, _job.source, _job.status, _job.checkpoint)
    .where(_job.status == inline("crawling"))
    .limit(inline_number(RUNNING_MAX))
    .subquery("running")
)
_NAMES = ("id", "subreddit_id", "source", "status", "checkpoint")
_jobs = union_all(
    *(select(*(jobs.c[name] for name in _NAMES)) for jobs in (_ended, _running))
).subquery("jobs")
_counted = (
    select(
        _jobs.c.id,
        _jobs.c.subreddit_id,
        _jobs.c.source,
        _jobs.c.status,
        requests_of(_jobs.c.checkpoint).label("requests"),
    )
    .cte("counted")
    .prefix_with("MATERIALIZED")
)
_most = (
    select(_counted)
    .where(_counted.c.requests > inline_number(0))
    .order_by(_counted.c.requests.desc(), _counted.c.id)
    .limit(inline_number(SHOWN))
    .subquery("most")
)
# This is a scalar subquery, because a join could read all subreddits.
_name = select(subreddits.c.name).where(subreddits.c.id == _most.c.subreddit_id).scalar_subquery()
MOST = select(
    _most.c.id.label("job_id"),
    _name.label("subreddit"),
    _most.c.source,
    _most.c.status,
    _most.c.requests,
).order_by(_most.c.requests.desc(), _most.c.id)


@dataclass(frozen=True)
class SpendingJob:
    """A job, and the number of requests that its present or last crawl has sent."""

    job_id: int
    subreddit: str
    source: str
    status: str
    requests: int


def most_requests(conn: Connection, *, now: datetime | None = None) -> Sequence[SpendingJob]:
    """Return at most SHOWN jobs, the one with the most requests first.

    The jobs are crawled now or are among the newest SAMPLE jobs that ended within the last hour.
    """
    return [SpendingJob(**row._mapping) for row in conn.execute(MOST, {"now": now})]
