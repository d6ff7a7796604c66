"""A paused job does not start, is not lost, and shows that it is paused."""

from datetime import timedelta

import pytest

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.repository.queue import queue_pauses
from crawljobs.repository.queue.maintenance import job_maintenance, pause_parking
from support import jobs
from support.jobs import T0

END = T0 + timedelta(hours=1)


def scope_of(conn: Connection, job_id: int) -> int:
    return jobs.job(conn, job_id).subreddit_id


def pause(conn: Connection, scope: int, **options: object) -> None:
    values = {"reason": "maintenance", "paused_by": "ops", "now": T0, **options}
    queue_pauses.pause(conn, scope=scope, **values)


def test_parking_does_nothing_on_an_empty_table(conn: Connection) -> None:
    assert pause_parking.park_paused_jobs(conn) == 0
    assert queue_pauses.list_pauses(conn) == []


def test_a_paused_subreddit_waits_and_the_others_go_on(conn: Connection) -> None:
    paused = jobs.enqueue(conn, "paused", priority=90)
    other = jobs.enqueue(conn, "other")
    pause(conn, scope_of(conn, paused), until=END)
    assert jobs.waits(conn, paused) == (WaitReason.PAUSED, END)
    assert [claim.job_id for claim in jobs.claim_all(conn)] == [other]


def test_a_job_enqueued_during_the_pause_is_born_waiting(conn: Connection) -> None:
    first = jobs.in_status(conn, JobStatus.SUCCEEDED)
    pause(conn, scope_of(conn, first), until=END)
    assert jobs.waits(conn, jobs.enqueue(conn)) == (WaitReason.PAUSED, END)


def test_a_pause_that_ends_by_itself_lets_its_job_go(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    pause(conn, scope_of(conn, job_id), until=END)
    assert job_maintenance.requeue_due_jobs(conn, now=END - timedelta(seconds=1)) == 0
    assert job_maintenance.requeue_due_jobs(conn, now=END) == 1
    assert [claim.job_id for claim in jobs.claim_all(conn, now=END)] == [job_id]


def test_resuming_makes_the_job_claimable_at_once(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    scope = scope_of(conn, job_id)
    pause(conn, scope)
    assert queue_pauses.resume(conn, scope=scope, now=T0)
    assert not queue_pauses.resume(conn, scope=scope, now=T0)
    assert [claim.job_id for claim in jobs.claim_all(conn)] == [job_id]


def test_a_backoff_that_ends_during_the_pause_turns_into_it(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.ENDS["schedule_retry"](conn, claim)
    pause(conn, claim.subreddit_id, until=END)
    assert jobs.job(conn, claim.job_id).wait_reason is WaitReason.RETRY
    due = T0 + timedelta(minutes=2)
    assert job_maintenance.requeue_due_jobs(conn, now=due) == 0
    assert pause_parking.park_paused_jobs(conn, now=due) == 1
    assert jobs.job(conn, claim.job_id).wait_reason is WaitReason.PAUSED


def test_a_crawl_under_way_goes_on_and_is_parked_when_it_comes_back(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    pause(conn, claim.subreddit_id)
    assert jobs.job(conn, claim.job_id).status is JobStatus.CRAWLING
    jobs.ENDS["release"](conn, claim)
    assert jobs.claim_all(conn) == []  # it cannot be claimed even before a sweep parks it
    assert pause_parking.park_paused_jobs(conn, now=T0) == 1
    assert pause_parking.park_paused_jobs(conn, now=T0) == 0


def test_nothing_is_claimed_while_everything_is_paused(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    pause(conn, queue_pauses.EVERYTHING, until=END)
    assert jobs.claim_all(conn) == []
    assert jobs.job(conn, job_id).status is JobStatus.QUEUED
    assert len(jobs.claim_all(conn, now=END)) == 1


@pytest.mark.parametrize("named", [True, False])
def test_pauses_are_listed_with_their_reason_until_they_end(conn: Connection, named: bool) -> None:
    scope = scope_of(conn, jobs.enqueue(conn, "Python")) if named else queue_pauses.EVERYTHING
    pause(conn, scope, until=END)
    pause(conn, scope, until=END, reason="changed")
    (listed,) = queue_pauses.list_pauses(conn, now=T0)
    assert (listed.subreddit, listed.reason, listed.until) == (
        "Python" if named else None,
        "changed",
        END,
    )
    assert queue_pauses.list_pauses(conn, now=END) == []


@pytest.mark.parametrize(("minutes", "is_there"), [(0, True), (59, True), (60, False)])
def test_ended_pauses_are_forgotten_after_an_hour(
    conn: Connection, minutes: int, is_there: bool
) -> None:
    pause(conn, queue_pauses.EVERYTHING, until=END)
    pause_parking.park_paused_jobs(conn, now=END + timedelta(minutes=minutes))
    ended = queue_pauses.get_pause(conn, scope=queue_pauses.EVERYTHING, ended_too=True, now=END)
    assert (ended is not None) is is_there
