"""Write the row of a minute: the events of the minute, and the state of the queue at its end.

Each count reads a range of an index and has a limit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Select,
    and_,
    cast,
    extract,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import (
    crawl_job_attempts,
    crawl_jobs,
    queue_history,
    scheduled_job_runs,
    service_instances,
)
from crawljobs.repository.history.minute_clock import AT, UNTIL
from crawljobs.repository.queue import job_stats
from crawljobs.repository.sql import (
    NOW,
    ONE_ROW,
    count_up_to,
    inline,
    inline_interval,
    inline_number,
    one_of,
    seconds,
)

JOBS_MAX = 100_000  # each count of live jobs stops at this number
EVENTS_MAX = 20_000  # each count of events stops at this number
WAITS_MAX = 1_000  # limit of the ended claims from which the waiting time of jobs is computed
WORKERS_MAX = 10_000

_job, _attempt = crawl_jobs.c, crawl_job_attempts.c
_run, _instance = scheduled_job_runs.c, service_instances.c


def _in_minute(time: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(time >= AT, time < UNTIL)


def _live(status: str, *conditions: ColumnElement[bool]) -> Select[Any]:
    return count_up_to(JOBS_MAX, select(ONE_ROW).where(_job.status == inline(status), *conditions))


def _queued(lowest: int, highest: int) -> Select[Any]:
    priorities = _job.priority.between(inline_number(lowest), inline_number(highest))
    return _live("queued", priorities)


def _ended(status: str) -> Select[Any]:
    in_status = select(ONE_ROW).where(_job.status == inline(status), _in_minute(_job.finished_at))
    return count_up_to(EVENTS_MAX, in_status)


def _ticks(*outcomes: str) -> Select[Any]:
    runs = (
        select(_run.ticks)
        .where(_in_minute(_run.fired_at), one_of(_run.outcome, outcomes))
        .limit(inline_number(EVENTS_MAX))
        .subquery("runs")
    )
    total = func.coalesce(func.sum(runs.c.ticks), inline_number(0))
    return select(func.least(total, inline_number(2**31 - 1)))


# Claims are ended attempts, and jobs that are crawled now. Attempts have no index by time, but an
# attempt that ended later has a higher id. So the highest ids are read.
_newest = (
    select(_attempt.job_id, _attempt.started_at)
    .order_by(_attempt.id.desc())
    .limit(inline_number(EVENTS_MAX))
    .subquery("newest")
)
_ENDED = (
    select(_newest).where(_in_minute(_newest.c.started_at)).cte("ended").prefix_with("MATERIALIZED")
)
_claimable_at = func.greatest(_job.queued_at, _job.visible_at)
_RUNNING = (
    select(seconds(_job.claimed_at - _claimable_at).label("wait"))
    .where(_job.status == inline("crawling"), _in_minute(_job.claimed_at))
    .limit(inline_number(EVENTS_MAX))
    .cte("running")
    .prefix_with("MATERIALIZED")
)
_sampled = select(_ENDED).limit(inline_number(WAITS_MAX)).subquery("sampled")
# With this scalar subquery, Postgres looks up each job by its id. A join could read all jobs.
_became_claimable = select(_claimable_at).where(_job.id == _sampled.c.job_id).scalar_subquery()
_waits = union_all(
    select(_RUNNING.c.wait),
    select(seconds(_sampled.c.started_at - _became_claimable)),
).subquery("waits")
# A job may be queued again after its claim. Then its wait would be negative, and is left out.
_PERCENTILES = (
    select(
        func.percentile_cont(literal_column("ARRAY[0.5, 0.95]"))
        .within_group(_waits.c.wait)
        .filter(_waits.c.wait >= inline_number(0))
        .label("waits")
    )
    .cte("percentiles")
    .prefix_with("MATERIALIZED")
)


def _percentile(number: int) -> ColumnElement[Any]:
    return (
        select(literal_column(f"waits[{number:d}]", Double))
        .select_from(_PERCENTILES)
        .scalar_subquery()
    )


def _count(cte: Any) -> ColumnElement[int]:
    return select(func.count()).select_from(cte).scalar_subquery()


_workers = count_up_to(
    WORKERS_MAX,
    select(ONE_ROW).where(
        _instance.role == inline("crawler-worker"),
        _instance.seen_at > NOW - inline_interval("1 minute"),
    ),
)
_oldest = select(
    func.greatest(
        inline_number(0),
        func.max(extract("epoch", NOW - job_stats.OLDEST_QUEUED.c.queued_at)),
    )
).select_from(job_stats.OLDEST_QUEUED)

_VALUES: dict[str, ColumnElement[Any]] = {
    "step_minutes": inline_number(1),
    "at": AT,
    "waiting": _live("waiting").scalar_subquery(),
    "crawling": _live("crawling").scalar_subquery(),
    "queued_0_24": _queued(0, 24).scalar_subquery(),
    "queued_25_49": _queued(25, 49).scalar_subquery(),
    "queued_50_74": _queued(50, 74).scalar_subquery(),
    "queued_75_100": _queued(75, 100).scalar_subquery(),
    "oldest_queued_seconds": _oldest.scalar_subquery(),
    "workers": _workers.scalar_subquery(),
    "database_bytes": func.pg_database_size(func.current_database()),
    "dead_rows": func.pg_stat_get_dead_tuples(func.to_regclass(inline("crawl_jobs"))),
    "claims": _count(_ENDED) + _count(_RUNNING),
    "succeeded": _ended("succeeded").scalar_subquery(),
    "failed": _ended("failed").scalar_subquery(),
    "cancelled": _ended("cancelled").scalar_subquery(),
    "ticks_fired": _ticks("enqueued", "merged").scalar_subquery(),
    "ticks_missed": _ticks("missed", "skipped").scalar_subquery(),
    "wait_p50_seconds": _percentile(1),
    "wait_p95_seconds": _percentile(2),
}
SAMPLE = (
    insert(queue_history)
    .from_select(
        list(_VALUES),
        select(*(cast(value, queue_history.c[name].type) for name, value in _VALUES.items())),
    )
    .on_conflict_do_nothing()
    .returning(queue_history.c.at)
)


def record(conn: Connection, *, at: datetime, now: datetime | None = None) -> bool:
    """Write the row of the minute that starts at `at`. Return false if the row exists already."""
    return conn.execute(SAMPLE, {"at": at, "now": now}).first() is not None
