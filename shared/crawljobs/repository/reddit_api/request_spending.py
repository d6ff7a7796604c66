"""Read which jobs sent requests in the last hour, and how many requests the live jobs need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Numeric,
    case,
    cast,
    func,
    select,
)

from crawljobs.db.tables import crawl_jobs
from crawljobs.domain.budget_forecast import LiveDemand
from crawljobs.domain.job import LIVE
from crawljobs.domain.queue_stats import JobCounts
from crawljobs.repository import finished_jobs
from crawljobs.repository.sql import NOW, inline, inline_interval, inline_number

SAMPLE = 1_000  # limit of the jobs in the sample: the newest jobs that finished in the last hour
RUNNING_MAX = 1_000  # limit of the running crawls whose requests are added up
PLAUSIBLE_REQUESTS_MAX = 100_000  # a crawl with more requests is left out of the numbers

_job = crawl_jobs.c


def requests_of(checkpoint: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the number of requests in a checkpoint, or null if the number is not plausible."""
    value = checkpoint.op("->")(inline("requests"))
    number = cast(value, Numeric)
    is_plausible = number.between(inline_number(0), inline_number(PLAUSIBLE_REQUESTS_MAX))
    return case(
        (
            func.jsonb_typeof(value) == inline("number"),
            case((is_plausible, cast(number, BigInteger))),
        )
    )


_newest = finished_jobs.newest_finished(
    "id",
    "finished_at",
    "source",
    "status",
    "checkpoint",
    limit=SAMPLE,
    conditions=[_job.finished_at > NOW - inline_interval("1 hour")],
)
_sample = (
    select(
        _newest.c.source,
        _newest.c.status,
        requests_of(_newest.c.checkpoint).label("requests"),
    )
    .cte("sample")
    .prefix_with("MATERIALIZED")
)
_is_crawl = _sample.c.status == inline("succeeded")
SPENDING = (
    select(
        _sample.c.source,
        func.count().label("jobs"),
        cast(func.coalesce(func.sum(_sample.c.requests), inline_number(0)), BigInteger).label(
            "requests"
        ),
        func.count(_sample.c.requests).filter(_is_crawl).label("crawls"),
        cast(
            func.coalesce(func.sum(_sample.c.requests).filter(_is_crawl), inline_number(0)), Double
        ).label("crawl_requests"),
    )
    .group_by(_sample.c.source)
    .order_by(
        func.coalesce(func.sum(_sample.c.requests), inline_number(0)).desc(), _sample.c.source
    )
)
_running = (
    select(requests_of(_job.checkpoint).label("requests"))
    .where(_job.status == inline("crawling"))
    .limit(inline_number(RUNNING_MAX))
    .subquery("running")
)
SENT = select(
    cast(func.coalesce(func.sum(_running.c.requests), inline_number(0)), BigInteger).label("sent")
)


@dataclass(frozen=True)
class SourceSpending:
    """The jobs of a source in the sample, and the requests that they sent."""

    source: str
    jobs: int
    requests: int


@dataclass(frozen=True)
class Spending:
    """The spending by source, the highest first, and the average requests of a succeeded crawl."""

    by_source: Sequence[SourceSpending]
    requests_per_crawl: float | None


def recent_spending(conn: Connection, *, now: datetime | None = None) -> Spending:
    """Return the spending of the newest jobs that finished within the last hour."""
    rows = conn.execute(SPENDING, {"now": now}).all()
    crawls = sum(row.crawls for row in rows)
    requests = sum(row.crawl_requests for row in rows)
    return Spending(
        by_source=[SourceSpending(row.source, row.jobs, row.requests) for row in rows],
        requests_per_crawl=requests / crawls if crawls else None,
    )


def live_demand(
    conn: Connection, *, counts: JobCounts, requests_per_crawl: float | None
) -> LiveDemand:
    """Return how many requests live jobs need, and how many the running crawls have sent."""
    return LiveDemand(
        live_jobs=sum(counts.by_status[status] for status in LIVE),
        at_least=bool(counts.capped),
        sent_by_running=conn.execute(SENT).scalar_one(),
        requests_per_crawl=requests_per_crawl,
    )
