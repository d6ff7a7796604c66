"""Only the worker that holds a job's claim may write to the job."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import ErrorKind, JobStatus, WaitReason
from crawljobs.repository.queue import job_reads, leases
from crawljobs.repository.queue.maintenance import job_maintenance
from support import jobs, listed_jobs
from support.jobs import T0


@pytest.mark.parametrize(
    ("end", "status", "reason", "outcome", "charged"),
    [
        ("complete", JobStatus.SUCCEEDED, None, AttemptOutcome.SUCCEEDED, 0),
        ("fail", JobStatus.FAILED, None, AttemptOutcome.FAILED, 1),
        ("schedule_retry", JobStatus.WAITING, WaitReason.RETRY, AttemptOutcome.FAILED, 1),
        ("defer", JobStatus.WAITING, WaitReason.RATE_LIMIT, AttemptOutcome.DEFERRED, 0),
        ("release", JobStatus.QUEUED, None, AttemptOutcome.RELEASED, 0),
    ],
)
def test_each_end_leaves_its_state_one_attempt_and_no_claim(
    conn: Connection,
    end: str,
    status: JobStatus,
    reason: WaitReason | None,
    outcome: AttemptOutcome,
    charged: int,
) -> None:
    claim = jobs.crawling(conn)
    jobs.ENDS[end](conn, claim)
    job = jobs.job(conn, claim.job_id)
    assert (job.status, job.wait_reason) == (status, reason)
    assert (job.claimed_by, job.lease_expires_at) == (None, None)
    assert (job.retry_count, job.retries) == (charged, charged)
    (attempt,) = job_reads.list_attempts(conn, job_id=claim.job_id)
    assert (attempt.outcome, attempt.worker, attempt.started_at) == (outcome, "worker-1", T0)


@pytest.mark.parametrize("end", [*sorted(jobs.ENDS), "save_checkpoint"])
def test_a_late_worker_changes_nothing_once_the_job_was_claimed_again(
    conn: Connection, end: str
) -> None:
    late = jobs.crawling(conn)
    jobs.ENDS["release"](conn, late)
    current = jobs.claim_one(conn)
    assert current.job_id == late.job_id
    before = jobs.job(conn, late.job_id)
    with pytest.raises(errors.ClaimLost):
        if end == "save_checkpoint":
            leases.save_checkpoint(conn, claim=late, checkpoint={"v": 1})
        else:
            jobs.ENDS[end](conn, late)
    assert jobs.job(conn, late.job_id) == before
    assert len(job_reads.list_attempts(conn, job_id=late.job_id)) == 1


def test_the_commit_of_a_claim_waits_for_no_disk_and_that_of_its_end_does(
    database: Database,
) -> None:
    def waits(act: Callable[[Connection], object]) -> bool:
        with database.begin() as conn:
            conn.execute(text("SET LOCAL synchronous_commit = on"))  # as on production servers
            act(conn)
            return bool(conn.execute(text("SHOW synchronous_commit")).scalar_one() == "on")

    claimed: list[Claim] = []
    assert waits(jobs.enqueue)
    assert not waits(lambda conn: claimed.append(jobs.claim_one(conn)))
    assert waits(lambda conn: leases.save_checkpoint(conn, claim=claimed[0], checkpoint={"v": 1}))
    assert waits(lambda conn: jobs.ENDS["complete"](conn, claimed[0]))


def test_extending_keeps_ours_and_names_only_those(conn: Connection) -> None:
    mine, other = jobs.crawling(conn, "mine"), jobs.crawling(conn, "other")
    stale = other._replace(claim_token=uuid.uuid4())
    extension = leases.extend_claims(conn, claims=[mine, stale], lease_seconds=60)
    assert (extension.extended, extension.busy) == ({mine.job_id}, frozenset())
    assert jobs.job(conn, other.job_id).lease_expires_at == other.lease_expires_at
    extended = jobs.job(conn, mine.job_id).lease_expires_at
    assert extended is not None
    assert extended != mine.lease_expires_at


def test_extending_nothing_is_a_ping(conn: Connection) -> None:
    extension = leases.extend_claims(conn, claims=[], lease_seconds=60)
    assert extension.extended == frozenset()


def test_a_checkpoint_survives_a_release_and_comes_with_the_next_claim(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    leases.save_checkpoint(conn, claim=claim, checkpoint={"v": 1, "page": 3}, now=T0)
    assert jobs.job(conn, claim.job_id).incomplete is False
    jobs.ENDS["release"](conn, claim)
    assert jobs.claim_one(conn).checkpoint == {"v": 1, "page": 3}


def test_a_retry_waits_its_delay_and_shows_when(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.ENDS["schedule_retry"](conn, claim)
    job = jobs.job(conn, claim.job_id)
    assert job.next_retry_at == job.visible_at == T0 + timedelta(minutes=1)
    assert (job.error_kind, job.error_message) == (ErrorKind.RETRYABLE, "503")


@pytest.mark.parametrize("outcome", ["banned", "not_found"])
def test_no_follow_up_after_a_terminal_outcome(conn: Connection, outcome: str) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    jobs.complete(conn, claim=claim, outcome=outcome, now=T0)
    assert [job.id for job in listed_jobs.list_jobs(conn)] == [claim.job_id]


def test_a_failed_crawl_makes_its_follow_up(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn, priority=77)
    jobs.ENDS["fail"](conn, claim)
    assert [job.priority for job in listed_jobs.list_jobs(conn)] == [77, 77]


@pytest.mark.parametrize("end", ["defer", "release"])
def test_a_wish_for_a_rerun_outlives_a_crawl_that_goes_on_later(conn: Connection, end: str) -> None:
    jobs.enqueue(conn)
    claim = jobs.claim_one(conn)
    leases.save_checkpoint(conn, claim=claim, checkpoint={"phase": "trees"}, now=T0)
    jobs.enqueue(conn, priority=80)
    jobs.ENDS[end](conn, claim)
    jobs.enqueue(conn, priority=5)  # merges into a job that already has a rerun request
    later = T0 + timedelta(minutes=1)
    job_maintenance.requeue_due_jobs(conn, now=later)
    again = jobs.claim_one(conn, now=later)
    assert again.checkpoint == {"phase": "trees"}
    jobs.complete(conn, claim=again, outcome="crawled", now=later)
    follow_up = listed_jobs.list_jobs(conn)[0]
    assert (follow_up.id, follow_up.priority) != (claim.job_id, 0)
    assert (follow_up.status, follow_up.priority) == (JobStatus.QUEUED, 80)


def test_a_retry_serves_a_wish_for_a_rerun_by_starting_anew(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    leases.save_checkpoint(conn, claim=claim, checkpoint={"phase": "done"}, now=T0)
    jobs.enqueue(conn)
    jobs.ENDS["schedule_retry"](conn, claim)
    (job,) = listed_jobs.list_jobs(conn)
    assert (job.rerun_requested, job.checkpoint) == (False, None)


def test_a_rerun_wished_for_later_waits_until_then(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    tomorrow = T0 + timedelta(days=1)
    jobs.enqueue(conn, visible_at=tomorrow)
    jobs.ENDS["complete"](conn, claim)
    follow_up = listed_jobs.list_jobs(conn)[0]
    assert (follow_up.status, follow_up.wait_reason) == (JobStatus.WAITING, WaitReason.LATER)
    assert follow_up.visible_at == tomorrow


def test_an_error_message_is_stored_whatever_it_holds(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.fail(
        conn, claim=claim, kind=ErrorKind.PERMANENT, message="\x00\ud800<b>" + "x" * 9000, now=T0
    )
    message = jobs.job(conn, claim.job_id).error_message
    assert message is not None
    assert message.startswith("\ufffd\ufffd<b>")
    assert len(message) == completion.ERROR_MESSAGE_MAX


def test_no_job_ends_before_it_began_whatever_the_clock_does(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0 - timedelta(hours=2))
    assert jobs.job(conn, claim.job_id).finished_at == claim.claimed_at
