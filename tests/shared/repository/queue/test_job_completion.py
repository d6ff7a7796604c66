"""Each completion has a result. After a lost reply, a worker finds its claims again."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import ErrorKind, JobStatus, WaitReason
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.queue import job_claim, job_completion, job_reads, leases
from crawljobs.repository.queue.job_completion import WriteResult
from crawljobs.repository.queue.maintenance import job_maintenance
from support import jobs, listed_jobs
from support.jobs import T0

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def claimed(conn: Connection, count: int) -> list[Claim]:
    """Claim `count` jobs at once. Their claims share one token."""
    for number in range(count):
        jobs.enqueue(conn, f"sub{number}")
    return jobs.claim_all(conn, at_most=count)


def test_each_completion_has_its_own_result_in_the_given_order(database: Database) -> None:
    with database.begin() as conn:
        claims = claimed(conn, 7)
        locked, stale = (claims[0], claims[4]), (claims[2], claims[5])
        for claim in stale:
            jobs.release(conn, claim=claim, now=T0)
        jobs.claim_all(conn)  # claims the jobs of the stale claims again
    one, two, three, four, five, six, seven = claims
    completions = [
        completion.completed(one, "crawled"),
        completion.failed(two, kind=ErrorKind.PERMANENT, message="no"),
        completion.released(three),
        completion.deferred(four, delay=MINUTE, reason=WaitReason.UNCLEAR, message="403"),
        completion.completed(five, "crawled"),
        completion.completed(six, "crawled"),
        completion.completed(seven, "crawled"),
    ]
    with database.begin() as holder, database.begin() as conn:
        holder.execute(
            text("SELECT FROM crawl_jobs WHERE id = ANY (:ids) FOR UPDATE"),
            {"ids": [claim.job_id for claim in locked]},
        )
        results = job_completion.complete_claims(conn, completions=completions, now=T0)
        for claim in (locked[0], stale[0]):
            with pytest.raises(errors.ClaimLost, match=f"job {claim.job_id}$"):
                job_completion.complete_claim(conn, completion.released(claim), now=T0)
    applied, held, lost = WriteResult.APPLIED, WriteResult.LOCKED, WriteResult.STALE
    assert results == [held, applied, lost, applied, held, lost, applied]
    with database.begin() as conn:
        found = [jobs.job(conn, claim.job_id) for claim in claims]
    assert [job.status for job in found] == [
        JobStatus.CRAWLING,
        JobStatus.FAILED,
        JobStatus.CRAWLING,
        JobStatus.WAITING,
        JobStatus.CRAWLING,
        JobStatus.CRAWLING,
        JobStatus.SUCCEEDED,
    ]
    assert found[3].wait_reason is WaitReason.UNCLEAR


@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        ("complete", AttemptOutcome.SUCCEEDED),
        ("fail", AttemptOutcome.FAILED),
        ("schedule_retry", AttemptOutcome.FAILED),
        ("defer", AttemptOutcome.DEFERRED),
        ("release", AttemptOutcome.RELEASED),
    ],
)
def test_the_outcome_of_a_claim_is_found_and_not_that_of_another_job(
    conn: Connection, how: str, outcome: AttemptOutcome
) -> None:
    ended, other = claimed(conn, 2)
    jobs.ENDS[how](conn, ended)
    assert job_completion.recorded_outcome(conn, claim=ended) is outcome
    assert job_completion.recorded_outcome(conn, claim=other) is None
    later = ended._replace(claimed_at=T0 + MINUTE)
    assert job_completion.recorded_outcome(conn, claim=later) is None


@pytest.mark.parametrize("how", sorted(jobs.EACH_END))
def test_no_attempt_ends_before_its_claim_when_the_clock_was_set_back(
    conn: Connection, how: str
) -> None:
    claim = jobs.crawling(conn)
    jobs.end_at(conn, claim, how, now=T0 - 2 * HOUR)
    (attempt,) = job_reads.list_attempts(conn, job_id=claim.job_id)
    assert (attempt.started_at, attempt.ended_at) == (T0, T0)


def test_a_streak_of_deferrals_does_not_end_before_its_last_claim(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.ENDS["defer"](conn, claim)
    job_maintenance.requeue_due_jobs(conn, now=T0 + MINUTE)
    again = jobs.claim_one(conn, now=T0 + MINUTE)
    jobs.end_at(conn, again, "defer", now=T0 - 2 * HOUR)
    (streak,) = job_reads.list_attempts(conn, job_id=claim.job_id)
    assert (streak.times, streak.started_at) == (2, T0 + MINUTE)
    assert streak.ended_at == T0 + MINUTE


@pytest.mark.parametrize(
    ("outcome", "unconfirmed", "follows"),
    [
        ("banned", None, False),
        ("banned", "banned", True),  # the outcome still needs confirmation
        ("banned", "not_found", False),
        ("crawled", None, True),
    ],
)
def test_a_terminal_outcome_is_followed_up_while_it_is_not_confirmed(
    conn: Connection, outcome: str, unconfirmed: str | None, *, follows: bool
) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn, "other")
    jobs.enqueue(conn)
    conn.execute(
        text(
            "UPDATE subreddits SET access_unconfirmed = CASE id WHEN :id THEN :state ELSE 'x' END"
        ),
        {"id": claim.subreddit_id, "state": unconfirmed},
    )
    jobs.complete(conn, claim=claim, outcome=outcome, now=T0)
    found = listed_jobs.list_jobs(conn, subreddit="python")
    assert len(found) == (2 if follows else 1)


def test_a_checkpoint_is_stored_for_one_job_of_a_batch(conn: Connection) -> None:
    one, other = claimed(conn, 2)
    leases.save_checkpoint(conn, claim=one, checkpoint={"v": 1}, incomplete=True, now=T0 + MINUTE)
    stored, left = (jobs.job(conn, claim.job_id) for claim in (one, other))
    assert (stored.checkpoint, stored.incomplete) == ({"v": 1}, True)
    assert (left.checkpoint, left.incomplete) == (None, False)
    progress = conn.execute(text("SELECT progress_at FROM crawl_jobs ORDER BY id")).scalars()
    assert list(progress) == [T0 + MINUTE, T0]


def test_the_lease_of_a_locked_job_is_busy_and_the_others_are_extended(database: Database) -> None:
    with database.begin() as conn:
        held, free = claimed(conn, 2)
    with database.begin() as holder, database.begin() as conn:
        holder.execute(text("SELECT FROM crawl_jobs WHERE id = :id FOR UPDATE"),
                       {"id": held.job_id})  # fmt: skip
        conn.execute(text("SET LOCAL lock_timeout = '2s'"))
        extension = leases.extend_claims(conn, claims=[held, free], lease_seconds=60, now=T0)
        assert (extension.extended, extension.busy) == ({free.job_id}, {held.job_id})
        assert jobs.job(conn, free.job_id).lease_expires_at == T0 + MINUTE


def test_found_claims_are_locked_and_in_claim_order(database: Database) -> None:
    names = ["cc", "bb", "aa"]
    with database.begin() as conn:
        stored_subreddits.ensure(conn, names=["aa", "bb", "cc"], discovered_from=None, depth=0)
        for name in names:
            jobs.enqueue(conn, name)
        jobs.enqueue(conn, "first", priority=90)
        claims = jobs.claim_all(conn)
        assert [claim.subreddit for claim in claims] == ["first", *names]
    with database.begin() as conn, database.begin() as other:
        found = job_claim.find_claims(conn, claim_token=claims[0].claim_token)
        assert found == claims
        result = job_completion.complete_claims(
            other, completions=[completion.released(claims[0])], now=T0
        )
        assert result == [WriteResult.LOCKED]


def test_a_claim_passes_jobs_that_other_transactions_hold_or_claim(database: Database) -> None:
    with database.begin() as conn:
        for name in ("held", "taken", "free"):
            jobs.enqueue(conn, name)
    with database.begin() as holder, database.begin() as other, database.begin() as conn:
        holder.execute(
            text(
                "SELECT FROM crawl_jobs WHERE subreddit_id = "
                "(SELECT id FROM subreddits WHERE name = 'held') FOR UPDATE"
            )
        )
        for transaction, name in ((other, "taken"), (conn, "free")):
            transaction.execute(text("SET LOCAL lock_timeout = '2s'"))
            assert [claim.subreddit for claim in jobs.claim_all(transaction, at_most=1)] == [name]
        assert jobs.claim_all(conn) == []


def test_a_claim_has_the_time_when_its_job_became_claimable(conn: Connection) -> None:
    jobs.enqueue(conn, "now")
    jobs.enqueue(conn, "later", visible_at=T0 + MINUTE)
    job_maintenance.requeue_due_jobs(conn, now=T0 + HOUR)
    claims = jobs.claim_all(conn, now=T0 + HOUR)
    assert {claim.subreddit: claim.claimable_at for claim in claims} == {
        "now": T0,
        "later": T0 + MINUTE,
    }


def test_only_the_claim_commits_without_the_disk_and_not_the_next_transaction(
    database: Database,
) -> None:
    waits = text("SELECT current_setting('synchronous_commit')")
    with database.begin() as conn:
        conn.execute(text("SET SESSION synchronous_commit = on"))
        jobs.enqueue(conn)
    with database.begin() as conn:
        token = uuid.uuid4()
        job_claim.claim_jobs(conn, worker="w", claim_token=token, at_most=1, lease_seconds=30)
        assert conn.execute(waits).scalar() == "off"
    with database.begin() as conn:
        assert conn.execute(waits).scalar() == "on"
