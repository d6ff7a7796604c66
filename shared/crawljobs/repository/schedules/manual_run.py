"""Run a schedule now, because an operator requests it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, true, update
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import scheduled_job_runs, scheduled_jobs
from crawljobs.domain import enqueue_request
from crawljobs.domain import subreddit as names
from crawljobs.domain.job import Enqueued, EnqueueResult
from crawljobs.domain.schedule import RunOutcome, Schedule
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
    """Enqueue a crawl for the locked schedule now, even if the schedule is disabled.

    Returns the enqueued or merged job. The schedule's regular due times do not change. Raises
    InvalidSubredditName if the subreddit's name cannot be crawled or its row was deleted.
    """
    names.checked_name(schedule.subreddit)
    at: datetime = conn.execute(_FIRED, {"schedule_id": schedule.id, "now": now}).scalar_one()
    request = enqueue_request.of_schedule(
        schedule, default_max_retries=default_max_retries, traceparent=traceparent
    )
    (enqueued,) = job_enqueue.enqueue_stored(conn, [request], now=at)
    created = enqueued.result is EnqueueResult.CREATED
    conn.execute(
        _RECORD,
        {
            "schedule_id": schedule.id,
            "now": at,
            "outcome": RunOutcome.ENQUEUED if created else RunOutcome.MERGED,
            "job_id": enqueued.job_id,
        },
    )
    return enqueued
