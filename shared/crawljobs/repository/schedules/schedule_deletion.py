"""Delete schedules. The caller first locks the row of the schedule with lock_schedule."""

from __future__ import annotations

from sqlalchemy import Connection, any_, bindparam, delete, select

from crawljobs.db.tables import scheduled_job_runs, scheduled_jobs
from crawljobs.repository.queue.maintenance import job_maintenance
from crawljobs.repository.sql import array_of

_DELETE = delete(scheduled_jobs).where(scheduled_jobs.c.id == bindparam("schedule_id"))

_chosen = scheduled_job_runs.alias("chosen")
_DELETE_RUNS = delete(scheduled_job_runs).where(
    scheduled_job_runs.c.id
    == any_(
        array_of(
            select(_chosen.c.id)
            .where(_chosen.c.scheduled_job_id == bindparam("schedule_id"))
            .limit(bindparam("at_most"))
        )
    )
)


def delete_schedule(conn: Connection, *, schedule_id: int) -> None:
    """Delete the schedule and its ledger rows. Jobs that the schedule enqueued stay.

    Deletes at most job_maintenance.CHUNK ledger rows, so that the call stays short. A periodic
    sweep deletes the other rows. No list shows these rows after the call.
    """
    conn.execute(_DELETE, {"schedule_id": schedule_id})
    values = {"schedule_id": schedule_id, "at_most": job_maintenance.CHUNK}
    conn.execute(_DELETE_RUNS, values)
