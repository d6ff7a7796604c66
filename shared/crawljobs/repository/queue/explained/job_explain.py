"""One query for the conditions that decide when a job runs: pauses, Reddit, workers, other jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, tuple_

from crawljobs.db.tables import crawl_job_attempts, crawl_jobs
from crawljobs.domain.claim_surroundings import Surroundings
from crawljobs.domain.job import Job
from crawljobs.repository.observed_span import observed_seconds
from crawljobs.repository.queue.explained import claim_facts
from crawljobs.repository.queue.explained.claim_facts import EXPLAINED
from crawljobs.repository.sql import (
    CLOCK,
    count_up_to,
    inline,
    inline_interval,
    inline_number,
    seconds,
)

# Two kinds of queued jobs are claimed before a job: jobs of higher priority, and older jobs of
# equal priority. The count of each kind stops at this number.
COUNT_MAX = 10_000
PACE_SAMPLE = 200  # starts of crawls per minute are computed from this number of newest attempts

_ended = (
    select(crawl_job_attempts.c.started_at, crawl_job_attempts.c.ended_at)
    .order_by(crawl_job_attempts.c.id.desc())
    .limit(inline_number(PACE_SAMPLE))
    .cte("ended")
)
_in_last_hour = _ended.c.ended_at > CLOCK.c.now - inline_interval("1 hour")

# Two queries count the jobs ahead of the explained job, each in one range of the claim index. A
# single query with OR would read the whole index.
_job = crawl_jobs.c
_queued = select(inline_number(1).label("one")).where(_job.status == inline("queued"))
_higher = count_up_to(
    COUNT_MAX + 1,
    _queued.where(_job.priority > EXPLAINED.c.priority).correlate(EXPLAINED),
)
_older = count_up_to(
    COUNT_MAX + 1,
    _queued.where(
        _job.priority == EXPLAINED.c.priority,
        tuple_(_job.created_at, _job.id) < tuple_(EXPLAINED.c.created_at, EXPLAINED.c.id),
    ).correlate(EXPLAINED),
)

_QUEUE = (
    _higher.scalar_subquery().label("higher"),
    _older.scalar_subquery().label("older"),
    select(func.count()).where(_in_last_hour).scalar_subquery().label("ended"),
    select(seconds(CLOCK.c.now - func.min(_ended.c.ended_at)))
    .where(_in_last_hour)
    .scalar_subquery()
    .label("sampled_seconds"),
    select(
        observed_seconds(
            oldest=func.min(func.least(_ended.c.started_at, _ended.c.ended_at)), now=CLOCK.c.now
        )
    )
    .where(_in_last_hour)
    .scalar_subquery()
    .label("observed_seconds"),
)
_SURROUNDINGS = select(*claim_facts.FACTS, *_QUEUE).select_from(claim_facts.FROM)
# This query does not count the queue ahead of a job, because the count takes up to 10 ms for each
# job.
_WITHOUT_QUEUE = select(
    *claim_facts.FACTS,
    *(inline_number(0).label(name) for name in ("higher", "older", "ended", "sampled_seconds")),
    inline_number(1).label("observed_seconds"),
).select_from(claim_facts.FROM)


def surroundings(conn: Connection, *, job: Job, now: datetime | None = None) -> Surroundings:
    """Return the pauses, Reddit's state, the number of workers and the queue ahead of the job.

    `ahead` is the number of queued jobs that would be claimed before this job. This number is
    computed even if this job is not queued.
    """
    return surroundings_of(conn, jobs=[job], now=now)[job.id]


def surroundings_of(
    conn: Connection, *, jobs: Sequence[Job], now: datetime | None = None
) -> dict[int, Surroundings]:
    """Read with one statement the facts that decide when these jobs run. Return them by job id."""
    return _read(conn, _SURROUNDINGS, jobs, now)


def causes_of(
    conn: Connection, *, jobs: Sequence[Job], now: datetime | None = None
) -> dict[int, Surroundings]:
    """Read the facts of `surroundings_of`, but not the queue ahead, which would be slow to count.

    `ahead` and `starts_per_minute` are 0.
    """
    return _read(conn, _WITHOUT_QUEUE, jobs, now)


def _read(
    conn: Connection, statement: Select[Any], jobs: Sequence[Job], now: datetime | None
) -> dict[int, Surroundings]:
    values = {
        "ids": [job.id for job in jobs],
        "subreddits": [job.subreddit_id for job in jobs],
        "priorities": [job.priority for job in jobs],
        "created": [job.created_at for job in jobs],
        "now": now,
    }
    rows = conn.execute(statement, values) if jobs else ()
    return {row.id: _surroundings(row) for row in rows}


def _surroundings(row: Any) -> Surroundings:
    return Surroundings(
        now=row.now,
        paused=row.paused,
        paused_until=row.paused_until,
        subreddit_paused=row.subreddit_paused,
        subreddit_paused_until=row.subreddit_paused_until,
        paused_by=row.paused_by,
        pause_reason=row.pause_reason or "",
        subreddit_paused_by=row.subreddit_paused_by,
        subreddit_pause_reason=row.subreddit_pause_reason or "",
        reddit_until=row.reddit_until,
        reddit_reason=row.reddit_reason,
        reddit_detail=row.reddit_detail or "",
        workers_alive=row.workers_alive,
        ahead=min(row.higher, COUNT_MAX) + min(row.older, COUNT_MAX),
        ahead_at_least=max(row.higher, row.older) > COUNT_MAX,
        # - A full sample (PACE_SAMPLE attempts): the rate is computed over the time since its
        #   oldest attempt.
        # - A smaller sample has all attempts of the last 60 minutes. The rate is computed over the
        #   time since the first worker started or the oldest attempt began, but at most 60 minutes.
        starts_per_minute=60
        * row.ended
        / (max(row.sampled_seconds, 1) if row.ended == PACE_SAMPLE else row.observed_seconds),
    )
