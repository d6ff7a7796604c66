"""Estimate how many requests a day all enabled schedules need, based on recent crawls."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Connection,
    Double,
    Numeric,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs.db.tables import reddit_budgets, scheduled_jobs
from crawljobs.domain import schedule_limit
from crawljobs.domain.schedule_limit import Quota
from crawljobs.repository import finished_jobs
from crawljobs.repository.sql import inline, inline_interval, inline_number

# The estimate reads the RECENT_JOBS newest finished jobs. These jobs are enough for an average, and
# few enough to be read at each edit of a schedule.
RECENT_JOBS = 2_000
PLAUSIBLE_REQUESTS_MAX = 100_000  # a crawl with more requests is left out of the estimate

_job = finished_jobs.newest_finished(
    "id", "finished_at", "subreddit_id", "status", "checkpoint", limit=RECENT_JOBS
)
_recent = (
    select(
        _job.c.subreddit_id,
        _job.c.status,
        _job.c.checkpoint.op("->")(inline("requests")).label("requests"),
    )
    .cte("recent")
    .prefix_with("MATERIALIZED")
)

# A checkpoint is JSON that a worker writes. The value `requests` of a checkpoint is used only if it
# is a number in the plausible range.
_requests = cast(_recent.c.requests, Numeric)
_crawls = (
    select(_recent.c.subreddit_id, _requests.label("requests"))
    .where(
        _recent.c.status == inline("succeeded"),
        case(
            (
                func.jsonb_typeof(_recent.c.requests) == inline("number"),
                _requests.between(inline_number(0), inline_number(PLAUSIBLE_REQUESTS_MAX)),
            ),
            else_=false(),
        ),
    )
    .cte("crawls")
)
_averages = (
    select(_crawls.c.subreddit_id, func.avg(_crawls.c.requests).label("requests"))
    .group_by(_crawls.c.subreddit_id)
    .cte("averages")
)

# For a subreddit without a recent crawl, the estimate uses the average requests of all recent
# crawls. For a schedule without runs_per_day, the estimate uses one run a day.
_requests_per_run = func.coalesce(
    _averages.c.requests,
    select(func.avg(_crawls.c.requests)).scalar_subquery(),
    bindparam("default", type_=Numeric),
)
_other = reddit_budgets.alias("other")
_budget = (
    select(
        cast(
            func.sum(
                cast(reddit_budgets.c.requests_per_window, Double)
                / cast(reddit_budgets.c.window_seconds, Double)
            ),
            Double,
        )
    )
    .where(
        reddit_budgets.c.next_slot_at
        > select(func.max(_other.c.next_slot_at)).scalar_subquery() - inline_interval("1 day")
    )
    .scalar_subquery()
)
_schedule = scheduled_jobs.c
_step = (
    func.jsonb_array_elements(_schedule.steps).table_valued(column("value", JSONB)).lateral("step")
)
# One row for each schedule with a subreddit, and for each step of the other schedules.
_crawled = union_all(
    select(_schedule.runs_per_day, _schedule.subreddit_id).where(
        _schedule.enabled, _schedule.steps.is_(None)
    ),
    select(
        _schedule.runs_per_day,
        case(
            (
                func.jsonb_typeof(_step.c.value.op("->")(inline("subreddit_id")))
                == inline("number"),
                cast(_step.c.value.op("->")(inline("subreddit_id")), BigInteger),
            )
        ),
    )
    .select_from(scheduled_jobs.join(_step, true()))
    .where(_schedule.enabled, _schedule.steps.is_not(None)),
).subquery("crawled")
_ESTIMATE = select(
    cast(
        func.coalesce(func.sum(func.coalesce(_crawled.c.runs_per_day, 1) * _requests_per_run), 0),
        Double,
    ).label("requests_per_day"),
    _budget.label("budget_per_second"),
).select_from(_crawled.outerjoin(_averages, _averages.c.subreddit_id == _crawled.c.subreddit_id))


def estimate(conn: Connection) -> Quota:
    """Return the requests per day of all schedules, and the requests per second that Reddit allows.

    - Requests per day: an estimate from every enabled schedule, with each of its steps.
    - Requests per second: the sum over the client ids in use. These are the client id that was used
      last, and each client id that was used less than one day before it.
    """
    row = conn.execute(
        _ESTIMATE,
        {"default": schedule_limit.DEFAULT_REQUESTS_PER_CRAWL},
    ).one()
    return schedule_limit.quota(
        requests_per_day=row.requests_per_day, budget_per_second=row.budget_per_second
    )
