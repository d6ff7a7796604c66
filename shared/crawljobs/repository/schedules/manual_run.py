"""Run a schedule now, because an operator requests it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, true, update
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import scheduled_job_runs, scheduled_jobs
from crawljobs.domain import enqueue_request, schedule_group
from crawljobs.domain import subreddit as names
from crawljobs.domain.job import Enqueued, EnqueueResult
from crawljobs.domain.schedule import RunOutcome, Schedule
from crawljobs.repository.groups import scheduled_groups
from crawljobs.repository.queue import job_enqueue
from crawljobs.repository.sql import NOW

_run = scheduled_job_runs.c
_RECORD = (
    insert(scheduled_job_runs)
    .values(
        scheduled_job_id=bindparam("schedule_id"),
        due_at=bindparam("now"),
        fired_at=bindparam("now"),
        outcome=bindparam("outcome"),
        job_id=bindparam("job_id"),
        group_id=bindparam("group_id"),
        manual=true(),
    )
    .on_conflict_do_nothing(index_elements=[_run.scheduled_job_id, _run.due_at])
    .inline()
)

_FIRED = (
    update(scheduled_jobs)
    .where(scheduled_jobs.c.id == bindparam("schedule_id"))
    .values(last_run_at=NOW)
    .returning(scheduled_jobs.c.last_run_at)
)


def run_now(
    conn: Connection,
    *,
    schedule: Schedule,
    default_max_retries: int = 3,
    traceparent: str | None = None,
    now: datetime | None = None,
) -> Enqueued:
    """Enqueue the schedule's crawl now, even if the schedule is disabled.

    The caller has locked the schedule. Returns the enqueued or merged job. The schedule's regular
    due times do not change. Raises InvalidSubredditName if the subreddit's name cannot be crawled
    or its row was deleted.
    """
    names.checked_name(schedule.subreddit or "")
    at = _fired(conn, schedule.id, now)
    request = enqueue_request.of_schedule(
        schedule, default_max_retries=default_max_retries, traceparent=traceparent
    )
    (enqueued,) = job_enqueue.enqueue_stored(conn, [request], now=at)
    created = enqueued.result is EnqueueResult.CREATED
    outcome = RunOutcome.ENQUEUED if created else RunOutcome.MERGED
    _record(conn, schedule.id, outcome=outcome, at=at, job_id=enqueued.job_id)
    return enqueued


def create_group_now(
    conn: Connection,
    *,
    schedule: Schedule,
    created_by: str,
    default_max_retries: int = 3,
    traceparent: str | None = None,
    now: datetime | None = None,
) -> int:
    """Create a group with the schedule's steps now, even if the schedule is disabled.

    The caller has locked the schedule. Returns the id of the group. The schedule's regular due
    times do not change. Raises UnreadableSteps or InvalidPlan.
    """
    at = _fired(conn, schedule.id, now)
    group_id = scheduled_groups.create(
        conn,
        group=schedule_group.group_of(schedule, due_at=at, default_max_retries=default_max_retries),
        created_by=created_by,
        schedule_id=schedule.id,
        due_at=at,
        traceparent=traceparent,
        now=at,
    )
    _record(conn, schedule.id, outcome=RunOutcome.ENQUEUED, at=at, group_id=group_id)
    return group_id


def _fired(conn: Connection, schedule_id: int, now: datetime | None) -> datetime:
    at: datetime = conn.execute(_FIRED, {"schedule_id": schedule_id, "now": now}).scalar_one()
    return at


def _record(
    conn: Connection,
    schedule_id: int,
    *,
    outcome: RunOutcome,
    at: datetime,
    job_id: int | None = None,
    group_id: int | None = None,
) -> None:
    conn.execute(
        _RECORD,
        {
            "schedule_id": schedule_id,
            "now": at,
            "outcome": outcome,
            "job_id": job_id,
            "group_id": group_id,
        },
    )
