"""Read statistics of the queue at a limited cost.

Rates and waiting times are computed from a sample of the newest finished jobs.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    case,
    extract,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
)

from crawljobs.db.tables import crawl_job_attempts, crawl_jobs, queue_pauses
from crawljobs.domain.queue_stats import QueueStats, RecentJobs
from crawljobs.repository import finished_jobs
from crawljobs.repository.observed_span import observed_seconds
from crawljobs.repository.queue import job_counts
from crawljobs.repository.sql import (
    NOW,
    ONE_ROW,
    inline,
    inline_interval,
    inline_number,
    seconds,
)

SAMPLE = 1_000  # the number of newest finished jobs from which rates and waits are computed

_job = crawl_jobs.c
_IS_QUEUED = _job.status == inline("queued")


def _first_queued(condition: ColumnElement[bool]) -> Select[Any]:
    queued = select(_job.queued_at).where(_IS_QUEUED, condition)
    return queued.order_by(_job.queued_at).limit(ONE_ROW)


# Each queued job is in one of two partial indexes, so the oldest job of each index is read. One
# index has the jobs whose priority can still rise by aging, and the other has all other jobs.
_each_oldest = union_all(
    _first_queued(_job.priority < _job.priority_ceiling),
    _first_queued(_job.priority >= _job.priority_ceiling),
).subquery("each_oldest")
OLDEST_QUEUED = (
    select(_each_oldest.c.queued_at)
    .order_by(_each_oldest.c.queued_at)
    .limit(ONE_ROW)
    .subquery("oldest")
)

_OLDEST = select(
    OLDEST_QUEUED.c.queued_at, seconds(NOW - OLDEST_QUEUED.c.queued_at).label("seconds")
)

_pause = queue_pauses.c
_PAUSES = select(
    func.count().filter(_pause.scope == inline_number(0)).label("everything"),
    func.count().filter(_pause.scope != inline_number(0)).label("subreddits"),
).where(or_(_pause.until.is_(None), _pause.until > NOW))

# A job's waiting time begins at visible_at or at queued_at, whichever is later. The waiting time
# ends at the newest claim, which is the start of the newest attempt. A rescue or a cancellation
# sets visible_at to a time after the claim. So the statistics leave out rescued and cancelled jobs.
_newest = finished_jobs.newest_finished(
    "id",
    "status",
    "retries",
    "finished_at",
    "queued_at",
    "visible_at",
    limit=SAMPLE,
    conditions=[_job.finished_at > NOW - inline_interval("1 hour")],
)
_sample = select(
    _newest, func.greatest(_newest.c.queued_at, _newest.c.visible_at).label("claimable_at")
).subquery("job")
_attempt = (
    select(crawl_job_attempts.c.started_at)
    .where(crawl_job_attempts.c.job_id == _sample.c.id)
    .order_by(crawl_job_attempts.c.id.desc())
    .limit(ONE_ROW)
    .lateral("attempt")
)
_is_cancelled = _sample.c.status == inline("cancelled")
_has_failed = _sample.c.status == inline("failed")
# The column `retries` includes the final failure of a failed job. No retry followed this failure,
# so it is subtracted.
_unretried_failures = case((_has_failed, inline_number(1)), else_=inline_number(0))
_wait = extract("epoch", _attempt.c.started_at - _sample.c.claimable_at)
_RECENT = select(
    func.count().label("sampled"),
    func.min(_sample.c.finished_at).label("since"),
    seconds(NOW - func.min(_sample.c.finished_at)).label("sampled_seconds"),
    observed_seconds(
        oldest=func.min(func.least(_sample.c.finished_at, _attempt.c.started_at)), now=NOW
    ).label("observed_seconds"),
    func.count().filter(not_(_is_cancelled)).label("ended"),
    func.count().filter(_has_failed).label("failed"),
    func.count()
    .filter(_sample.c.retries > _unretried_failures, not_(_is_cancelled))
    .label("retried"),
    func.count()
    .filter(_sample.c.retries > inline_number(0), _sample.c.status == inline("succeeded"))
    .label("recovered"),
    func.percentile_cont(literal_column("ARRAY[0.5, 0.95]"))
    .within_group(_wait)
    .filter(_attempt.c.started_at >= _sample.c.claimable_at)
    .label("waits"),
).select_from(_sample.outerjoin(_attempt, true()))


def queue_stats(conn: Connection, *, now: Any = None) -> QueueStats:
    """Return the job counts, the oldest queued job, the pauses, and rates of the newest crawls."""
    counts = job_counts.count_jobs(conn)
    oldest = conn.execute(_OLDEST, {"now": now}).first()
    pauses = conn.execute(_PAUSES, {"now": now}).one()
    return QueueStats(
        by_status=counts.by_status,
        capped=counts.capped,
        queued_by_priority=counts.queued_by_priority,
        oldest_queued_at=oldest.queued_at if oldest else None,
        oldest_queued_seconds=max(0.0, oldest.seconds) if oldest else None,
        paused=pauses.everything > 0,
        paused_subreddits=pauses.subreddits,
        recent=recent_jobs(conn, now=now),
    )


def recent_jobs(conn: Connection, *, now: Any = None) -> RecentJobs:
    """Return statistics of the newest jobs that finished in the last hour, at most SAMPLE jobs."""
    return _recent(conn.execute(_RECENT, {"now": now}).one())


def _recent(row: Any) -> RecentJobs:
    # A full sample (SAMPLE jobs) covers the time since its oldest job. A smaller sample covers the
    # last hour, or the time since the workers started if that is shorter.
    is_full = row.sampled == SAMPLE
    span = max(row.sampled_seconds, 1.0) if is_full else row.observed_seconds
    p50, p95 = row.waits or (None, None)
    return RecentJobs(
        sampled=row.sampled,
        since=row.since,
        observed_seconds=span,
        finished_per_minute=row.ended / (span / 60),
        failure_rate=row.failed / row.ended if row.ended else None,
        retry_success_rate=row.recovered / row.retried if row.retried else None,
        wait_seconds_p50=p50,
        wait_seconds_p95=p95,
    )
