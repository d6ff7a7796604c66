"""Each verb in each state does what TRANSITIONS allows, or is refused and changes nothing."""

import contextlib
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import ErrorKind, JobStatus
from crawljobs.domain.operator_verbs import Verb
from crawljobs.domain.retry import RetryPolicy
from crawljobs.domain.transitions import TRANSITIONS, Transition
from crawljobs.repository.queue import job_reads, leases, operator_changes, queue_pauses
from crawljobs.repository.queue.maintenance import job_aging, job_maintenance
from support import job_verbs, jobs, listed_jobs, locks
from support.claims import CLAIM
from support.jobs import T0

LATER = T0 + timedelta(days=1)


def claim_of(conn: Connection, job_id: int) -> Claim:
    """Return the job's claim. Without one, return a claim with a token that no job has."""
    job = jobs.job(conn, job_id)
    token = conn.exec_driver_sql(
        "SELECT claim_token FROM crawl_jobs WHERE id = %(id)s", {"id": job_id}
    ).scalar_one()
    return CLAIM._replace(
        job_id=job_id,
        claim_token=token or uuid.uuid4(),
        subreddit_id=job.subreddit_id,
        subreddit=job.subreddit,
    )


def ended(verb: str) -> Callable[[Connection, int], None]:
    return lambda conn, job_id: jobs.ENDS[verb](conn, claim_of(conn, job_id))


def rescued(conn: Connection, job_id: int) -> None:
    job_maintenance.rescue_stuck_jobs(
        conn, lease_seconds=30, reset_after=timedelta(minutes=15), retry=RetryPolicy(), now=LATER
    )


def parked(conn: Connection, job_id: int) -> None:
    scope = jobs.job(conn, job_id).subreddit_id
    queue_pauses.pause(conn, scope=scope, reason="r", paused_by="ops", now=T0)


VERBS: dict[Transition, Callable[[Connection, int], object]] = {
    Transition.REQUEUE: lambda conn, _: job_maintenance.requeue_due_jobs(conn, now=LATER),
    Transition.PARK: parked,
    Transition.CLAIM: lambda conn, _: jobs.claim_all(conn, now=LATER),
    Transition.RESCUE: rescued,
    Transition.WAKE: lambda conn, job_id: job_verbs.wake(conn, job_id=job_id, now=T0),
    Transition.CANCEL: lambda conn, job_id: job_verbs.cancel(conn, job_id=job_id, now=T0),
    Transition.GIVE_UP: lambda conn, job_id: job_verbs.give_up(conn, job_id=job_id, now=T0),
    Transition.RETRY: lambda conn, job_id: job_verbs.retry(conn, job_id=job_id, now=T0),
    **{
        Transition(verb): ended(verb)
        for verb in ("complete", "fail", "schedule_retry", "defer", "release")
    },
}


def test_every_verb_is_tried() -> None:
    assert set(VERBS) == set(Transition)


@pytest.mark.parametrize("verb", sorted(VERBS))
@pytest.mark.parametrize("status", list(JobStatus))
def test_a_verb_does_what_its_row_of_the_table_says_and_nothing_elsewhere(
    conn: Connection, status: JobStatus, verb: Transition
) -> None:
    job_id = jobs.in_status(conn, status)
    before = jobs.job(conn, job_id)
    sources, targets = TRANSITIONS[verb]
    if status in sources:
        VERBS[verb](conn, job_id)
        assert jobs.job(conn, job_id).status in targets
        return
    with contextlib.suppress(errors.ClaimLost, errors.IllegalTransition):
        VERBS[verb](conn, job_id)
    assert jobs.job(conn, job_id) == before


@pytest.mark.parametrize(
    "status", [s for s in JobStatus if s not in TRANSITIONS[Transition.WAKE][0]]
)
def test_a_refusal_names_the_state_and_the_allowed_ones(
    conn: Connection, status: JobStatus
) -> None:
    job_id = jobs.in_status(conn, status)
    with pytest.raises(errors.IllegalTransition, match=f"that is {status}: it must be waiting"):
        job_verbs.wake(conn, job_id=job_id)


def test_an_unknown_job_is_not_found(conn: Connection) -> None:
    with pytest.raises(errors.NotFound, match="no job 2147483648123"):
        job_verbs.cancel(conn, job_id=2147483648123)


def test_boost_adds_to_both_priorities_and_stops_at_a_hundred(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, priority=20)
    job_aging.age_starved_jobs(conn, policy=job_aging.AgingPolicy(), now=T0 + timedelta(minutes=61))
    after = job_verbs.boost(conn, job_id=job_id, by=15).after
    assert (after.priority, after.base_priority) == (45, 35)
    after = job_verbs.boost(conn, job_id=job_id, by=70).after
    assert (after.priority, after.base_priority) == (100, 100)


def test_a_changed_priority_is_what_was_asked_for(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, priority=20)
    change = job_verbs.change_priority(conn, job_id=job_id, priority=5)
    assert (change.before.base_priority, change.after.base_priority) == (20, 5)


def test_a_cancelled_crawl_leaves_an_attempt_and_its_worker_finds_it_lost(
    conn: Connection,
) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)  # a rerun is requested, but a cancelled crawl gets no follow-up job
    job_verbs.cancel(conn, job_id=claim.job_id, now=T0)
    (attempt,) = job_reads.list_attempts(conn, job_id=claim.job_id)
    assert attempt.outcome == "cancelled"
    with pytest.raises(errors.ClaimLost):
        jobs.ENDS["complete"](conn, claim)
    assert len(listed_jobs.list_jobs(conn)) == 1


def test_a_retried_job_has_all_its_retries_and_waits_anew(conn: Connection) -> None:
    job_id = jobs.in_status(conn, JobStatus.FAILED)
    after = job_verbs.retry(conn, job_id=job_id, now=LATER).after
    assert (after.retry_count, after.retries, after.queued_at) == (0, 1, LATER)
    assert after.finished_at is None


@pytest.mark.parametrize(
    ("phase", "kind", "kept"),
    [
        ("comments", ErrorKind.RETRYABLE, True),
        ("done", ErrorKind.RETRYABLE, False),
        # For example a checkpoint that cannot be read: a crawl from it would fail again.
        ("comments", ErrorKind.PERMANENT, False),
    ],
)
def test_a_retried_crawl_goes_on_unless_it_had_ended_or_cannot(
    conn: Connection, phase: str, kind: ErrorKind, kept: bool
) -> None:
    claim = jobs.crawling(conn)
    leases.save_checkpoint(conn, claim=claim, checkpoint={"phase": phase}, now=T0)
    jobs.fail(conn, claim=claim, kind=kind, message="no", now=T0)
    after = job_verbs.retry(conn, job_id=claim.job_id, now=T0).after
    assert (after.checkpoint is not None) is kept


@pytest.mark.parametrize("incomplete", [True, False])
@pytest.mark.parametrize(
    ("end", "phase", "goes_on"),
    [
        ("cancel", "comments", True),
        ("schedule_retry", "comments", True),
        ("fail", "comments", False),  # the error is permanent
        ("cancel", "done", False),
        ("complete", "done", False),
    ],
)
def test_a_retried_crawl_lacks_parts_when_it_goes_on_from_where_it_lacked_them(
    conn: Connection, end: str, phase: str, *, goes_on: bool, incomplete: bool
) -> None:
    claim = jobs.crawling(conn)
    leases.save_checkpoint(
        conn, claim=claim, checkpoint={"phase": phase}, incomplete=incomplete, now=T0
    )
    if end != "cancel":
        jobs.ENDS[end](conn, claim)
    if end in ("cancel", "schedule_retry"):
        job_verbs.cancel(conn, job_id=claim.job_id, now=T0)
    after = job_verbs.retry(conn, job_id=claim.job_id, now=T0).after
    assert (after.checkpoint is not None, after.incomplete) == (goes_on, goes_on and incomplete)


@pytest.mark.parametrize("end", ["schedule_retry", "rescue"])
def test_a_job_that_starts_again_for_a_rerun_request_lacks_no_part(
    conn: Connection, end: str
) -> None:
    claim = jobs.crawling(conn)
    leases.save_checkpoint(
        conn, claim=claim, checkpoint={"phase": "comments"}, incomplete=True, now=T0
    )
    jobs.enqueue(conn, now=T0)
    assert jobs.job(conn, claim.job_id).rerun_requested
    (rescued if end == "rescue" else ended(end))(conn, claim.job_id)
    found = jobs.job(conn, claim.job_id)
    assert (found.checkpoint, found.incomplete) == (None, False)


@pytest.mark.parametrize("status", ["cancelled", "failed", "succeeded"])
def test_a_job_without_a_checkpoint_is_retried_from_the_beginning(
    conn: Connection, status: str
) -> None:
    job_id = jobs.in_status(conn, JobStatus(status))
    conn.execute(text("UPDATE crawl_jobs SET checkpoint = NULL, incomplete = true"))
    after = job_verbs.retry(conn, job_id=job_id, now=T0).after
    assert (after.checkpoint, after.incomplete) == (None, False)


def test_a_preview_of_a_change_waits_for_no_lock_and_the_change_does(database: Database) -> None:
    """A change locks the rows by which it decides. A preview only reads them."""
    with database.begin() as conn:
        job_id = jobs.enqueue(conn)
    with database.begin() as other, database.begin() as conn:
        other.execute(text("SELECT FROM crawl_jobs FOR UPDATE"))
        conn.execute(text("SET LOCAL lock_timeout = '100ms'"))
        (previewed,) = operator_changes.change_many(
            conn, verb=Verb.CANCEL, job_ids=[job_id], dry_run=True
        )
        assert previewed.error is None
    with database.begin() as other:
        before = operator_changes.change_many(other, verb=Verb.CANCEL, job_ids=[job_id])
        changes: list[operator_changes.JobChange] = []

        def change() -> None:
            with database.begin() as conn:
                changes.extend(
                    operator_changes.change_many(conn, verb=Verb.CANCEL, job_ids=[job_id])
                )

        second = threading.Thread(target=change)
        second.start()
        locks.wait_until_blocked(database)
    second.join(10)
    assert [one.error for one in before] == [None]
    assert [type(one.error) for one in changes] == [errors.IllegalTransition]


def test_a_retry_beside_a_live_job_is_refused_and_names_it(conn: Connection) -> None:
    old = jobs.in_status(conn, JobStatus.FAILED)
    live = jobs.enqueue(conn)
    with pytest.raises(errors.LiveJobExists) as refused:
        job_verbs.retry(conn, job_id=old)
    assert refused.value.job_id == live
    assert jobs.job(conn, old).status is JobStatus.FAILED
