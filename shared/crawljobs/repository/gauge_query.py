"""One query for all gauges except the job counts. It joins subqueries, one for each topic."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import Any

from sqlalchemy import (
    Double,
    FromClause,
    Select,
    Text,
    bindparam,
    case,
    cast,
    column,
    distinct,
    func,
    select,
    table,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from crawljobs.db.tables import crawl_jobs, reddit_budgets, scheduled_jobs
from crawljobs.repository import outcome_gauges
from crawljobs.repository.gauge_clock import CLOCK, ZERO, longest
from crawljobs.repository.queue import job_stats
from crawljobs.repository.schedules import due_columns
from crawljobs.repository.schedules.schedule_reads import bounded
from crawljobs.repository.sql import (
    ONE_ROW,
    count_up_to,
    inline,
    inline_interval,
    inline_number,
    interval_of,
)

_now = CLOCK.c.now

# Reads all crawling jobs. Their number is small, because a worker crawls only a few jobs at a time.
_CRAWLING = select(
    longest(crawl_jobs.c.claimed_at).label("longest_crawl_seconds"),
    func.count().filter(crawl_jobs.c.lease_expires_at < _now).label("expired_leases"),
).select_from(CLOCK.outerjoin(crawl_jobs, crawl_jobs.c.status == inline("crawling")))

_OLDEST_QUEUED = select(
    longest(job_stats.OLDEST_QUEUED.c.queued_at).label("oldest_queued_seconds")
).select_from(CLOCK.outerjoin(job_stats.OLDEST_QUEUED, true()))


def _schedules(at_most: int) -> Select[Any]:
    row = select(inline_number(1).label("one"))
    enabled = row.where(scheduled_jobs.c.enabled).order_by(scheduled_jobs.c.next_run_at)
    disabled = row.where(~scheduled_jobs.c.enabled).order_by(scheduled_jobs.c.id)
    return select(
        count_up_to(at_most, enabled).scalar_subquery().label("enabled_schedules"),
        count_up_to(at_most, disabled).scalar_subquery().label("disabled_schedules"),
    )


# `bounded` makes an infinite time finite, because PostgreSQL before 17 cannot subtract infinity.
_next = (
    select(bounded(scheduled_jobs.c.next_run_at).label("next_run_at"))
    .where(scheduled_jobs.c.enabled)
    .order_by(scheduled_jobs.c.next_run_at)
    .limit(ONE_ROW)
    .subquery("next")
)
# A schedule with steps may wait for the end of its last group. During this wait it is not late, so
# the query leaves it out.
_next_of_steps = due_columns.NEXT_OF_STEPS.subquery("next_of_steps")
_LAG = select(
    func.greatest(
        longest(func.least(_next.c.next_run_at, bounded(_next_of_steps.c.next_run_at))), ZERO
    ).label("schedule_lag_seconds")
).select_from(CLOCK.outerjoin(_next, true()).outerjoin(_next_of_steps, true()))

_activity = table(
    "pg_stat_activity",
    column("xact_start"),
    column("datname"),
    column("backend_xmin"),
    column("pid"),
    column("backend_type"),
).c
_prepared = table("pg_prepared_xacts", column("prepared"), column("database")).c
_transactions = union_all(
    select(_activity.xact_start.label("since")).where(
        _activity.datname == func.current_database(),
        _activity.backend_xmin.is_not(None),
        _activity.pid != func.pg_backend_pid(),
        _activity.backend_type == inline("client backend"),
    ),
    select(_prepared.prepared).where(_prepared.database == func.current_database()),
).subquery("transactions")
# The age of the oldest transaction that prevents VACUUM from removing dead rows, in seconds.
HORIZON = select(longest(_transactions.c.since).label("oldest_xmin_seconds")).select_from(
    CLOCK.outerjoin(_transactions, true())
)

_jobs = func.to_regclass(inline("crawl_jobs"))
_dead, _live = func.pg_stat_get_dead_tuples(_jobs), func.pg_stat_get_live_tuples(_jobs)
_DEAD = select(
    func.coalesce(cast(_dead, Double) / func.nullif(_dead + _live, ZERO), ZERO).label(
        "dead_tuple_ratio"
    )
)

_SIZE = select(func.pg_database_size(func.current_database()).label("database_bytes"))

_budget = reddit_budgets.c
_window_end = _budget.window_started_at + interval_of(_budget.window_seconds)
_usable = func.greatest(
    inline_number(1),
    func.floor(_budget.requests_per_window * cast(bindparam("share"), Double)),
)
# The requests spent in the present window. If the stored window begins in the future, the present
# window is full, because workers already reserve slots in the next window.
_spent = case(
    (_budget.window_started_at > _now, _usable),
    (_window_end > _now, _budget.reserved),
    else_=ZERO,
)
# The smallest remaining budget of all client ids, computed as in domain/budget_state. A pause of
# the workers does not change the remaining budget.
_BUDGET = select(
    func.min(func.greatest(ZERO, _usable - _spent)).label("reddit_budget_remaining")
).select_from(CLOCK.join(reddit_budgets, true()))

# Ignores a circuit breaker whose next probe is overdue by more than 10 minutes. The stored state of
# such a breaker is out of date: only a worker that crawls a job sends the probe, and no worker had
# a job.
_reason = case(
    (
        _budget.outage_until > _now - inline_interval("10 minutes"),
        func.coalesce(func.nullif(_budget.paused_reason, inline("rate_limit")), inline("outage")),
    ),
    (_budget.paused_until > _now, inline("rate_limit")),
)
_PAUSED = select(
    func.coalesce(func.array_agg(distinct(_reason)), cast(inline("{}"), ARRAY(Text))).label(
        "paused"
    )
).select_from(CLOCK.outerjoin(reddit_budgets, true()))


@lru_cache(maxsize=4)
def all_gauges(schedules_at_most: int) -> Select[Any]:
    """Return the query of the gauges. Each count of schedules stops at `schedules_at_most`."""
    queries = [
        _CRAWLING,
        _OLDEST_QUEUED,
        _schedules(schedules_at_most),
        _LAG,
        outcome_gauges.WORKERS,
        outcome_gauges.RECENT,
        outcome_gauges.SUCCESS,
        outcome_gauges.MISSED,
        HORIZON,
        _DEAD,
        _SIZE,
        _BUDGET,
        _PAUSED,
    ]
    parts: list[FromClause] = [
        query.subquery(f"part_{number}") for number, query in enumerate(queries)
    ]
    together = reduce(lambda joined, part: joined.join(part, true()), parts)
    return select(*(each for part in parts for each in part.c)).select_from(together)
