"""A pause may begin or end while a job is parked or enqueued."""

import threading

from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue import queue_pauses
from crawljobs.repository.queue.maintenance import pause_parking
from support import jobs
from support.parked import (
    scope_of,
    status,
)
from support.waiting import wait_until


def test_a_pause_cannot_end_between_the_sweep_that_parks_and_its_commit(
    database: Database,
) -> None:
    with database.begin() as conn:
        job_id = jobs.enqueue(conn, now=None)
        scope = jobs.job(conn, job_id).subreddit_id
        conn.execute(
            text("INSERT INTO queue_pauses (scope, reason, paused_by) VALUES (:scope, 'r', 'ops')"),
            {"scope": scope},
        )
    with database.begin() as sweeping:
        assert pause_parking.park_paused_jobs(sweeping) == 1
        resuming = threading.Thread(target=resume_in_background, args=(database, scope))
        resuming.start()
        wait_until(lambda: waits_for_a_lock(database), timeout=10, describe="the resume waits")
    resuming.join(10)
    with database.begin() as conn:
        assert (status(conn, job_id), queue_pauses.list_pauses(conn)) == (JobStatus.QUEUED, [])


def test_a_pause_cannot_end_between_an_enqueue_that_waits_for_it_and_its_commit(
    database: Database,
) -> None:
    with database.begin() as conn:
        scope = scope_of(conn)
        queue_pauses.pause(conn, scope=scope, reason="r", paused_by="ops")
    with database.begin() as enqueueing:
        job_id = jobs.enqueue(enqueueing, now=None)
        resuming = threading.Thread(target=resume_in_background, args=(database, scope))
        resuming.start()
        wait_until(lambda: waits_for_a_lock(database), timeout=10, describe="the resume waits")
    resuming.join(10)
    with database.begin() as conn:
        assert status(conn, job_id) is JobStatus.QUEUED


def test_a_job_enqueued_while_its_pause_ends_does_not_wait(database: Database) -> None:
    with database.begin() as conn:
        scope = scope_of(conn)
        queue_pauses.pause(conn, scope=scope, reason="r", paused_by="ops")
    with database.begin() as resuming:
        assert queue_pauses.resume(resuming, scope=scope)
        with database.begin() as conn:
            job_id = jobs.enqueue(conn, now=None)
    with database.begin() as conn:
        assert status(conn, job_id) is JobStatus.QUEUED


def resume_in_background(database: Database, scope: int) -> None:
    with database.begin() as conn:
        queue_pauses.resume(conn, scope=scope)


def waits_for_a_lock(database: Database) -> bool:
    query = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with database.begin() as conn:
        return bool(conn.execute(query).scalar_one())
