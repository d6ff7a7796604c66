"""Gauges of recent events: results of jobs, missed due times, and workers that disappeared.

The database keeps these events, so a restart of a process does not change the gauges. Counters of
a process lose the events that happen before the first scrape or after the last scrape.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, extract, func, or_, select, true

from crawljobs.db.tables import crawl_jobs, scheduled_job_runs, service_instances
from crawljobs.repository import finished_jobs
from crawljobs.repository.gauge_clock import CLOCK, ZERO
from crawljobs.repository.schedules.schedule_reads import bounded
from crawljobs.repository.sql import (
    NOW,
    ONE_ROW,
    inline,
    inline_interval,
    inline_number,
    interval,
    one_of,
)

# Limit of the failed and succeeded jobs, the newest first, whose results the gauges use.
SAMPLE = 100
RUNS_MAX = 10_000  # the sum of missed due times reads at most this number of ledger rows
LOST_MAX = 1_000  # the count of disappeared workers stops at this number
WAITING_MAX = 1_000  # the search for a job that waits for Reddit reads at most this number of jobs

_job = crawl_jobs.c
_DAY_AGO = NOW - inline_interval("1 day")
_QUARTER_HOUR_AGO = NOW - inline_interval("15 minutes")


def _newest(status: str, *columns: ColumnElement[Any]) -> Select[Any]:
    of_status = select(*columns).where(_job.status == inline(status))
    return of_status.order_by(_job.finished_at.desc(), _job.id.desc())


_sample = finished_jobs.newest_finished(
    "id",
    "status",
    "finished_at",
    limit=SAMPLE,
    conditions=[_job.finished_at > _DAY_AGO],
    statuses=("failed", "succeeded"),
)
# If few jobs finish, the sample covers a day. If many jobs finish, the sample covers minutes.
RECENT = select(
    func.count().filter(_sample.c.status == inline("failed")).label("recent_failed"),
    func.count().filter(_sample.c.status == inline("succeeded")).label("recent_succeeded"),
).select_from(_sample)

_success = _newest("succeeded", bounded(_job.finished_at).label("at")).limit(ONE_ROW)
# Waiting jobs in the order of their due times. A job that waits for Reddit is due soon, so it comes
# first. A job that an operator or a limit deferred (`later`) may be due in days.
WAITING = (
    select(_job.wait_reason, _job.visible_at, _job.error_kind, _job.queued_at)
    .where(_job.status == inline("waiting"))
    .order_by(_job.visible_at)
    .limit(inline_number(WAITING_MAX))
    .subquery("waiting")
)
# True for a retry that is due within 5 minutes. A retry that is due later cannot succeed soon. The
# error kind `deferred` is left out: such a job waits because of its own subreddit, so it shows
# nothing about the system.
_is_due_retry = and_(
    WAITING.c.wait_reason == inline("retry"),
    WAITING.c.visible_at <= NOW + inline_interval("5 minutes"),
    WAITING.c.error_kind.is_distinct_from(inline("deferred")),
)
# True for a wait that ends soon if Reddit and the workers work normally.
IS_PENDING_WAIT = or_(one_of(WAITING.c.wait_reason, ("outage", "rate_limit")), _is_due_retry)
_is_pending = or_(
    exists(select(ONE_ROW).where(_job.status == inline("queued"))),
    exists(select(ONE_ROW).where(_job.status == inline("crawling"))),
    exists(select(ONE_ROW).select_from(WAITING).where(IS_PENDING_WAIT)),
)
SUCCESS = select(
    case((_is_pending, inline_number(1)), else_=ZERO).label("work_pending"),
    extract("epoch", _success.scalar_subquery()).label("last_success_at"),
)

_run = scheduled_job_runs.c
_runs = (
    select(_run.ticks)
    .where(
        _run.fired_at > _QUARTER_HOUR_AGO,
        one_of(_run.outcome, ("missed", "skipped")),
    )
    .order_by(_run.fired_at.desc())
    .limit(inline_number(RUNS_MAX))
    .subquery("runs")
)
MISSED = select(func.coalesce(func.sum(_runs.c.ticks), ZERO).label("missed_ticks")).select_from(
    _runs
)

_instance = service_instances.c
_IS_WORKER = _instance.role == inline("crawler-worker")
_ALIVE_SINCE = NOW - interval("alive_within")
_alive = (
    select(func.count().label("workers_alive"))
    .select_from(CLOCK.join(service_instances, true()))
    .where(_IS_WORKER, _instance.seen_at > CLOCK.c.now - interval("alive_within"))
    .subquery("alive")
)
# A worker that ends normally deletes its row. So a row without a recent heartbeat belongs to a
# worker that was killed, that hangs, or that does not reach the database. In a container, a killed
# worker may restart under the same name, and then its row has a recent heartbeat again. The time
# of this restart is stored in `lost_at`.
_lost = (
    select(func.count().label("workers_lost"))
    .select_from(
        select(ONE_ROW)
        .where(
            _IS_WORKER,
            _instance.seen_at > _QUARTER_HOUR_AGO,
            or_(_instance.seen_at <= _ALIVE_SINCE, _instance.lost_at > _QUARTER_HOUR_AGO),
        )
        .limit(inline_number(LOST_MAX))
        .subquery("old")
    )
    .subquery("lost")
)
WORKERS = select(_alive.c.workers_alive, _lost.c.workers_lost).select_from(
    _alive.join(_lost, true())
)
