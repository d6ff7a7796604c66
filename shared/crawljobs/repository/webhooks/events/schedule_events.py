"""Events of schedules: schedule.disabled and schedule.missed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Connection, any_, cast, func, insert, select

from crawljobs.db.tables import scheduled_job_runs, scheduled_jobs, subreddits, webhook_events
from crawljobs.domain.webhook import EventType
from crawljobs.repository.sql import NOW, ids, inline
from crawljobs.repository.webhooks.events.event_interest import fits
from crawljobs.repository.webhooks.events.event_json import json_object, json_time

_schedule, _run = scheduled_jobs.c, scheduled_job_runs.c
_name = func.lower(subreddits.c.name)
_of_schedules = scheduled_jobs.outerjoin(subreddits, subreddits.c.id == _schedule.subreddit_id)
_COLUMNS = ["type", "created_at", "data", "subreddit"]
_disabled, _missed = inline(EventType.SCHEDULE_DISABLED), inline(EventType.SCHEDULE_MISSED)
_FIELDS: dict[str, ColumnElement[object]] = {
    "schedule_id": _schedule.id,
    "name": _schedule.name,
    "subreddit": subreddits.c.name,
}

RECORD_DISABLED = insert(webhook_events).from_select(
    _COLUMNS,
    select(
        _disabled, NOW, json_object(**_FIELDS, reason=_schedule.disabled_reason), subreddits.c.name
    )
    .select_from(_of_schedules)
    .where(_schedule.id == any_(ids("ids")), fits(_disabled, subreddit=_name)),
)

# A schedule may have several ledger rows of missed due times, and gets one event for all of them.
_runs = (
    select(
        _run.scheduled_job_id,
        func.min(_run.due_at).label("first"),
        func.max(func.coalesce(_run.due_until, _run.due_at)).label("last"),
        cast(func.sum(_run.ticks), BigInteger).label("due_times"),
    )
    .where(_run.id == any_(ids("ids")))
    .group_by(_run.scheduled_job_id)
    .subquery("runs")
)
RECORD_MISSED = insert(webhook_events).from_select(
    _COLUMNS,
    select(
        _missed,
        NOW,
        json_object(
            **_FIELDS,
            first_due_at=json_time(_runs.c.first),
            last_due_at=json_time(_runs.c.last),
            due_times=_runs.c.due_times,
        ),
        subreddits.c.name,
    )
    .select_from(_runs.join(_of_schedules, _schedule.id == _runs.c.scheduled_job_id))
    .where(fits(_missed, subreddit=_name)),
)


def record_disabled(
    conn: Connection, *, schedule_ids: Sequence[int], now: datetime | None = None
) -> None:
    """Write an event for each of these schedules, which the system has disabled."""
    conn.execute(RECORD_DISABLED, {"ids": list(schedule_ids), "now": now})


def record_missed(conn: Connection, *, run_ids: Sequence[int], now: datetime | None = None) -> None:
    """Write one event for each schedule that missed the due times of these new ledger rows."""
    conn.execute(RECORD_MISSED, {"ids": list(run_ids), "now": now})
