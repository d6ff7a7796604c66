"""Read the numbers that show whether an operator must act, except the numbers of the gauges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Double, case, cast, exists, func, or_, select

from crawljobs.db.tables import (
    crawl_jobs,
    operations,
    queue_pauses,
    reddit_budgets,
    scheduled_jobs,
    service_instances,
    subreddits,
)
from crawljobs.domain import heartbeat_details
from crawljobs.repository import finished_jobs, outcome_gauges
from crawljobs.repository.sql import (
    NOW,
    ONE_ROW,
    inline,
    inline_interval,
    inline_number,
    seconds,
)

DISABLED_MAX = 10_000  # limit of the disabled schedules that are searched for broken ones
OPERATIONS_MAX = 1_000  # limit of the newest operations that are searched for failed ones
THROTTLES_MIN = 3  # a client id is counted after at least this number of 429 replies in a row
CRAWLS_MAX = 1_000  # limit of the newest crawls whose subreddits are searched for gaps

# Workers usually rescue the jobs of a dead worker within seconds. A lease that expired more than a
# minute ago shows that no worker rescues the job.
_expired = select(func.count()).where(
    crawl_jobs.c.status == inline("crawling"),
    crawl_jobs.c.lease_expires_at < NOW - inline_interval("1 minute"),
)
# The age of the oldest wait among those waits that the gauge `work_pending` counts, in seconds.
_oldest_wait = select(seconds(NOW - func.min(outcome_gauges.WAITING.c.queued_at))).where(
    outcome_gauges.IS_PENDING_WAIT
)
_disabled = (
    select(scheduled_jobs.c.disabled_reason)
    .where(~scheduled_jobs.c.enabled)
    .order_by(scheduled_jobs.c.id)
    .limit(inline_number(DISABLED_MAX))
    .subquery("disabled")
)
_broken = select(func.count()).where(_disabled.c.disabled_reason.is_not(None))
_ended_operations = (
    select(operations.c.state)
    .where(
        operations.c.finished_at.is_not(None),
        operations.c.finished_at > NOW - inline_interval("1 day"),
    )
    .order_by(operations.c.finished_at.desc(), operations.c.id.desc())
    .limit(inline_number(OPERATIONS_MAX))
    .subquery("ended_operations")
)
_failed_operations = select(func.count()).where(_ended_operations.c.state == inline("failed"))
# A single 429 is usual: the workers slow down by themselves.
_throttled = select(func.count()).where(
    reddit_budgets.c.last_throttled_at > NOW - inline_interval("15 minutes"),
    reddit_budgets.c.throttles_in_a_row >= inline_number(THROTTLES_MIN),
)
_crawls = finished_jobs.newest_finished(
    "id",
    "subreddit_id",
    "finished_at",
    limit=CRAWLS_MAX,
    conditions=[crawl_jobs.c.finished_at > NOW - inline_interval("1 day")],
    statuses=("succeeded",),
)
_crawled = select(_crawls.c.subreddit_id).distinct().subquery("crawled")
# This is a scalar subquery, because a join could read all subreddits.
_gap_at = (
    select(subreddits.c.gap_at).where(subreddits.c.id == _crawled.c.subreddit_id).scalar_subquery()
)
_gaps = select(func.count()).select_from(_crawled).where(_gap_at > NOW - inline_interval("1 day"))
# Only the schedulers may see the transactions of other roles. The heartbeats of the schedulers
# contain the age of the oldest transaction.
_published = service_instances.c.details.op("->")(inline(heartbeat_details.OLDEST_TRANSACTION))
_horizon = select(
    func.coalesce(
        func.max(
            case((func.jsonb_typeof(_published) == inline("number"), cast(_published, Double)))
        ),
        inline_number(0),
    )
).where(
    service_instances.c.role == inline("scheduler"),
    service_instances.c.seen_at > NOW - inline_interval("1 minute"),
)
_is_paused = exists(
    select(ONE_ROW).where(
        queue_pauses.c.scope == inline_number(0),
        or_(queue_pauses.c.until.is_(None), queue_pauses.c.until > NOW),
    )
)
NUMBERS = select(
    _expired.scalar_subquery().label("expired_leases"),
    func.coalesce(_oldest_wait.scalar_subquery(), inline_number(0)).label("oldest_wait_seconds"),
    _broken.scalar_subquery().label("broken_schedules"),
    _failed_operations.scalar_subquery().label("failed_operations"),
    _throttled.scalar_subquery().label("recently_throttled"),
    _gaps.scalar_subquery().label("subreddits_with_gaps"),
    func.pg_stat_get_dead_tuples(func.to_regclass(inline("crawl_jobs"))).label("dead_rows"),
    _horizon.scalar_subquery().label("published_horizon"),
    _is_paused.label("is_paused"),
    NOW.label("now"),
)


@dataclass(frozen=True)
class AttentionNumbers:
    """The numbers at the time `now`. `oldest_wait_seconds` is 0 if there is no pending wait."""

    expired_leases: int
    oldest_wait_seconds: float
    broken_schedules: int
    failed_operations: int
    recently_throttled: int
    subreddits_with_gaps: int
    dead_rows: int  # the estimated number of dead rows in crawl_jobs
    published_horizon: float  # seconds; the age of the oldest transaction that a scheduler saw
    is_paused: bool
    now: datetime


def read_numbers(conn: Connection, *, now: datetime | None = None) -> AttentionNumbers:
    """Return the numbers of this moment."""
    return AttentionNumbers(**conn.execute(NUMBERS, {"now": now}).one()._mapping)
