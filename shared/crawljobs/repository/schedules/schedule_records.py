"""Read the recent outcomes of schedules, their misfires, and the size of their crawls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Connection,
    Float,
    Numeric,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, array

from crawljobs.db.tables import crawl_jobs, scheduled_job_runs, scheduled_jobs
from crawljobs.domain.job import FINAL
from crawljobs.domain.schedule import RunOutcome
from crawljobs.domain.schedule_record import LOST, Outcome, ScheduleRecord
from crawljobs.repository.schedules.schedule_reads import bounded
from crawljobs.repository.sql import (
    NOW,
    ONE_ROW,
    array_of,
    ids,
    inline,
    inline_interval,
    inline_number,
    one_of,
    unnested,
)

MISFIRES_READ = 300  # limit of the ledger rows of one schedule that are examined for misfires
STEPS_READ = 20  # limit of the steps of one schedule whose last crawls are read
PLAUSIBLE_REQUESTS_MAX = 100_000  # a crawl with more requests is left out of the average

_run = scheduled_job_runs.c
_wanted = unnested("wanted", id=ids("ids"))
_newest = (
    select(scheduled_job_runs)
    .where(_run.scheduled_job_id == _wanted.c.id)
    .order_by(_run.due_at.desc())
    .limit(bindparam("at_most", type_=BigInteger))
    .lateral("newest")
)
_OUTCOMES = (
    select(
        _wanted.c.id,
        bounded(_newest.c.due_at).label("due_at"),
        _newest.c.outcome,
        _newest.c.ticks,
        _newest.c.manual,
        _newest.c.job_id,
        _newest.c.group_id,
    )
    .select_from(_wanted.join(_newest, true()))
    .order_by(_wanted.c.id, _newest.c.due_at.desc())
)
_week = (
    select(_run.outcome, _run.ticks)
    .where(
        _run.scheduled_job_id == _wanted.c.id,
        _run.due_at > NOW - inline_interval("7 days"),
        _run.due_at <= NOW,
    )
    .order_by(_run.due_at.desc())
    .limit(inline_number(MISFIRES_READ))
    .correlate(_wanted)
    .lateral("week")
)
_misfires = select(
    func.coalesce(func.sum(_week.c.ticks).filter(one_of(_week.c.outcome, LOST)), 0).label("lost"),
    func.count().label("examined"),
).lateral("misfires")

# The subreddit of a schedule, or the subreddits of the first steps of a schedule with steps.
_schedule = scheduled_jobs.c
_step = (
    func.jsonb_array_elements(_schedule.steps).table_valued(column("value", JSONB)).lateral("step")
)
_step_id = _step.c.value.op("->")(inline("subreddit_id"))


_is_number = func.jsonb_typeof(_step_id) == inline("number")
_first_steps = array_of(
    select(case((_is_number, cast(_step_id, BigInteger))))
    .select_from(_step)
    .limit(inline_number(STEPS_READ))
)
_crawled_ids = case(
    (_schedule.steps.is_(None), array([_schedule.subreddit_id])), else_=_first_steps
)
_crawled = func.unnest(_crawled_ids).table_valued(column("crawled", BigInteger)).lateral("crawled")
_job = crawl_jobs.c
_sent = _job.checkpoint.op("->")(inline("requests"))
_last = (
    select(
        case((func.jsonb_typeof(_sent) == inline("number"), cast(_sent, Numeric))).label("requests")
    )
    .where(
        _job.subreddit_id == _crawled.c.crawled,
        one_of(_job.status, FINAL),
        _job.status == inline("succeeded"),
    )
    .order_by(_job.id.desc())
    .limit(ONE_ROW)
    .lateral("last")
)
_size = (
    select(func.avg(_last.c.requests).label("requests"))
    .select_from(_crawled.join(_last, true()))
    .where(_last.c.requests.between(inline_number(0), inline_number(PLAUSIBLE_REQUESTS_MAX)))
    .lateral("size")
)
_RECORDS = select(
    _wanted.c.id,
    cast(_misfires.c.lost, BigInteger).label("lost"),
    _misfires.c.examined,
    cast(
        _size.c.requests
        * func.coalesce(func.jsonb_array_length(_schedule.steps), literal_column("1")),
        Float,
    ).label("requests_per_run"),
    _schedule.runs_per_day,
).select_from(
    _wanted.join(scheduled_jobs, _schedule.id == _wanted.c.id)
    .join(_misfires, true())
    .join(_size, true())
)


def read_records(
    conn: Connection,
    *,
    schedule_ids: Sequence[int],
    outcomes: int,
    now: datetime | None = None,
) -> dict[int, ScheduleRecord]:
    """Return the records of these schedules by id, with at most `outcomes` ledger rows each."""
    if not schedule_ids:
        return {}
    wanted = {"ids": list(schedule_ids)}
    newest: defaultdict[int, list[Outcome]] = defaultdict(list)
    for row in conn.execute(_OUTCOMES, {**wanted, "at_most": outcomes}):
        newest[row.id].append(
            Outcome(
                row.due_at, RunOutcome(row.outcome), row.ticks, row.manual, row.job_id, row.group_id
            )
        )
    return {
        row.id: ScheduleRecord(
            outcomes=newest[row.id],
            misfires=row.lost,
            misfires_at_least=row.examined >= MISFIRES_READ,
            requests_per_run=row.requests_per_run,
            runs_per_day=row.runs_per_day,
        )
        for row in conn.execute(_RECORDS, {**wanted, "now": now})
    }
