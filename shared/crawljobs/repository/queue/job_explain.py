"""One query for the conditions that decide when a job runs: pauses, Reddit, workers, other jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    FromClause,
    SmallInteger,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
    tuple_,
)

from crawljobs.db.tables import (
    crawl_job_attempts,
    crawl_jobs,
    queue_pauses,
    reddit_budgets,
    service_instances,
)
from crawljobs.domain.explanation import Surroundings
from crawljobs.domain.job import Job
from crawljobs.repository.observed_span import observed_seconds
from crawljobs.repository.sql import (
    CLOCK,
    ONE_ROW,
    count_up_to,
    ids,
    inline,
    inline_interval,
    inline_number,
    seconds,
    times,
    unnested,
)

# Two kinds of queued jobs are claimed before a job: jobs of higher priority, and older jobs of
# equal priority. The count of each kind stops at this number.
COUNT_MAX = 10_000
PACE_SAMPLE = 200  # starts of crawls per minute are computed from this number of newest attempts
SEEN_SECONDS = 60  # a worker is alive if its last heartbeat is at most this old

_now = CLOCK.c.now
_explained = unnested(
    "explained",
    id=ids("ids"),
    subreddit_id=ids("subreddits"),
    priority=bindparam("priorities", type_=ARRAY(SmallInteger)),
    created_at=times("created"),
)
_budget = reddit_budgets.c
_blocked_until = func.greatest(_budget.paused_until, _budget.outage_until)
_outage = (
    select().where(_budget.outage_until > _now).order_by(_budget.outage_until.desc()).limit(ONE_ROW)
)
_ended = (
    select(crawl_job_attempts.c.started_at, crawl_job_attempts.c.ended_at)
    .order_by(crawl_job_attempts.c.id.desc())
    .limit(inline_number(PACE_SAMPLE))
    .cte("ended")
)
_in_last_hour = _ended.c.ended_at > _now - inline_interval("1 hour")

# Two queries count the jobs ahead of the explained job, each in one range of the claim index. A
# single query with OR would read the whole index.
_job = crawl_jobs.c
_queued = select(inline_number(1).label("one")).where(_job.status == inline("queued"))
_higher = count_up_to(
    COUNT_MAX + 1,
    _queued.where(_job.priority > _explained.c.priority).correlate(_explained),
)
_older = count_up_to(
    COUNT_MAX + 1,
    _queued.where(
        _job.priority == _explained.c.priority,
        tuple_(_job.created_at, _job.id) < tuple_(_explained.c.created_at, _explained.c.id),
    ).correlate(_explained),
)


def _pause_of(name: str, scope: ColumnElement[int]) -> tuple[FromClause, ColumnElement[bool]]:
    pause = queue_pauses.alias(name)
    is_in_force = or_(pause.c.until.is_(None), pause.c.until > _now)
    return pause, and_(pause.c.scope == scope, is_in_force)


_everything, _everything_is_paused = _pause_of("everything", inline_number(0))
_mine, _mine_is_paused = _pause_of("mine", _explained.c.subreddit_id)
_instance = service_instances.c

_SURROUNDINGS = select(
    _explained.c.id,
    _now,
    _everything.c.scope.is_not(None).label("paused"),
    _everything.c.until.label("paused_until"),
    _mine.c.scope.is_not(None).label("subreddit_paused"),
    _mine.c.until.label("subreddit_paused_until"),
    select(func.max(_blocked_until))
    .where(_blocked_until > _now)
    .scalar_subquery()
    .label("reddit_until"),
    _outage.with_only_columns(
        func.coalesce(func.nullif(_budget.paused_reason, inline("rate_limit")), inline("outage"))
    )
    .scalar_subquery()
    .label("reddit_reason"),
    _outage.with_only_columns(_budget.paused_detail).scalar_subquery().label("reddit_detail"),
    select(func.count())
    .where(
        _instance.role == inline("crawler-worker"),
        _instance.seen_at > _now - inline_interval(f"{SEEN_SECONDS} seconds"),
    )
    .scalar_subquery()
    .label("workers_alive"),
    _higher.scalar_subquery().label("higher"),
    _older.scalar_subquery().label("older"),
    select(func.count()).where(_in_last_hour).scalar_subquery().label("ended"),
    select(seconds(_now - func.min(_ended.c.ended_at)))
    .where(_in_last_hour)
    .scalar_subquery()
    .label("sampled_seconds"),
    select(
        observed_seconds(
            oldest=func.min(func.least(_ended.c.started_at, _ended.c.ended_at)), now=_now
        )
    )
    .where(_in_last_hour)
    .scalar_subquery()
    .label("observed_seconds"),
).select_from(
    CLOCK.outerjoin(_everything, _everything_is_paused)
    .join(_explained, true())
    .outerjoin(_mine, _mine_is_paused)
)


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
    values = {
        "ids": [job.id for job in jobs],
        "subreddits": [job.subreddit_id for job in jobs],
        "priorities": [job.priority for job in jobs],
        "created": [job.created_at for job in jobs],
        "now": now,
    }
    rows = conn.execute(_SURROUNDINGS, values) if jobs else ()
    return {row.id: _surroundings(row) for row in rows}


def _surroundings(row: Any) -> Surroundings:
    return Surroundings(
        now=row.now,
        paused=row.paused,
        paused_until=row.paused_until,
        subreddit_paused=row.subreddit_paused,
        subreddit_paused_until=row.subreddit_paused_until,
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
