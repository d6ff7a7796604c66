"""The resolver starts steps whose upstreams have ended, and ends the steps of ended jobs."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.domain.group import GroupOutcome, StepState
from crawljobs.domain.group_plan import Upstream
from crawljobs.domain.job import ErrorKind, JobStatus
from crawljobs.domain.operator_verbs import Verb
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.groups import group_creation
from crawljobs.repository.queue import operator_changes
from crawljobs.repository.queue.maintenance import job_maintenance
from support import groups, jobs
from support.groups import end_job, group, job_of, outcome, reason, resolve, states, step
from support.jobs import T0

S = StepState
MINUTE = timedelta(minutes=1)


def end_step(conn: Connection, group_id: int, key: str, *, how: str = "crawled") -> None:
    end_job(conn, job_of(conn, group_id, key), how=how)
    resolve(conn)


def test_a_chain_runs_one_step_after_the_other(conn: Connection) -> None:
    chain = group(conn, step("a"), step("b", "a"), step("c", "b"))
    resolve(conn)
    assert states(conn, chain) == {"a": S.ENQUEUED, "b": S.PENDING, "c": S.PENDING}
    end_step(conn, chain, "a")
    assert states(conn, chain) == {"a": S.SUCCEEDED, "b": S.ENQUEUED, "c": S.PENDING}
    end_step(conn, chain, "b")
    end_step(conn, chain, "c")
    assert set(states(conn, chain).values()) == {S.SUCCEEDED}
    assert outcome(conn, chain) is GroupOutcome.SUCCEEDED
    assert groups.finishes(conn, chain) == [(1, "succeeded")]


def test_a_fan_in_waits_for_all_its_upstreams(conn: Connection) -> None:
    fan = group(conn, step("a"), step("b"), step("c"), step("z", "a", "b", "c"))
    resolve(conn)
    for key in ("b", "c"):
        end_step(conn, fan, key)
        assert states(conn, fan)["z"] is S.PENDING
    end_step(conn, fan, "a")
    assert states(conn, fan)["z"] is S.ENQUEUED


def test_a_step_can_wait_for_all_others(conn: Connection) -> None:
    fan = group(conn, step("z", all_others=True), step("a"), step("b", "a"))
    resolve(conn)
    end_step(conn, fan, "a")
    assert states(conn, fan)["z"] is S.PENDING
    end_step(conn, fan, "b")
    assert states(conn, fan)["z"] is S.ENQUEUED
    end_step(conn, fan, "z")
    assert outcome(conn, fan) is GroupOutcome.SUCCEEDED


def test_a_step_that_waits_for_all_others_waits_for_the_seal(conn: Connection) -> None:
    open_group = group(conn, step("z", all_others=True), step("a"), sealed=False)
    resolve(conn)
    end_step(conn, open_group, "a")
    assert states(conn, open_group)["z"] is S.PENDING
    group_creation.add_steps(conn, group_id=open_group, steps=[step("b")], now=T0)
    group_creation.seal(conn, group_id=open_group, now=T0)
    resolve(conn)
    assert states(conn, open_group)["z"] is S.PENDING
    end_step(conn, open_group, "b")
    assert states(conn, open_group)["z"] is S.ENQUEUED


def test_a_seal_is_enough_for_the_step_that_waits_for_all_others(conn: Connection) -> None:
    open_group = group(conn, step("z", all_others=True), step("a"), sealed=False)
    resolve(conn)
    end_step(conn, open_group, "a")
    group_creation.seal(conn, group_id=open_group, now=T0)
    resolve(conn)
    assert states(conn, open_group)["z"] is S.ENQUEUED


@pytest.mark.parametrize(
    ("policy", "state", "outcome_after"),
    [
        ("cancel", S.SKIPPED, GroupOutcome.FAILED),
        ("proceed", S.ENQUEUED, None),
        ("hold", S.HELD, None),
    ],
)
def test_case_6_a_failed_upstream_applies_the_policy(
    conn: Connection, policy: str, state: StepState, outcome_after: GroupOutcome | None
) -> None:
    pair = group(conn, step("a"), step("b", "a", fails=policy))
    resolve(conn)
    job = job_of(conn, pair, "a")
    end_step(conn, pair, "a", how="failed")
    assert states(conn, pair) == {"a": S.FAILED, "b": state}
    if state is not S.ENQUEUED:
        assert reason(conn, pair, "b") == f"step a failed: job {job} failed: HTTP 500"
    assert outcome(conn, pair) is outcome_after


def test_case_5_a_retry_that_is_left_is_no_end(conn: Connection) -> None:
    pair = group(conn, step("a"), step("b", "a"))
    resolve(conn)
    (claim,) = jobs.claim_all(conn)
    jobs.schedule_retry(
        conn, claim=claim, delay=MINUTE, kind=ErrorKind.RETRYABLE, message="x", now=T0
    )
    resolve(conn)
    assert states(conn, pair) == {"a": S.ENQUEUED, "b": S.PENDING}


def test_case_6_a_job_that_dies_with_its_worker_fails_its_step(conn: Connection) -> None:
    pair = group(conn, step("a"), step("b", "a"))
    resolve(conn)
    conn.execute(text("UPDATE crawl_jobs SET max_retries = 0"))
    jobs.claim_all(conn)
    late = T0 + timedelta(days=1)
    rescued = job_maintenance.rescue_stuck_jobs(
        conn, lease_seconds=30, reset_after=15 * MINUTE, retry=RetryPolicy(), now=late
    )
    assert [one.status for one in rescued] == [JobStatus.FAILED]
    resolve(conn, now=late)
    assert states(conn, pair) == {"a": S.FAILED, "b": S.SKIPPED}


@pytest.mark.parametrize("verb", [Verb.CANCEL, Verb.GIVE_UP])
def test_cases_7_and_13_the_reason_names_the_person_who_ended_the_job(
    conn: Connection, verb: Verb
) -> None:
    pair = group(conn, step("a"), step("b", "a"))
    resolve(conn)
    job = job_of(conn, pair, "a")
    operator_changes.change(conn, verb=verb, job_id=job, actor="grace", now=T0)
    resolve(conn)
    state = S.CANCELLED if verb is Verb.CANCEL else S.FAILED
    assert states(conn, pair) == {"a": state, "b": S.SKIPPED}
    if verb is Verb.CANCEL:
        assert reason(conn, pair, "a") == f"job {job} was cancelled by grace"
        assert reason(conn, pair, "b") == f"step a was cancelled: job {job} was cancelled by grace"


def test_case_8_all_later_steps_are_skipped_for_the_first_reason(conn: Connection) -> None:
    keys = [f"k{at}" for at in range(12)]
    chain = group(conn, step(keys[0]), *(step(key, keys[at]) for at, key in enumerate(keys[1:])))
    resolve(conn)
    end_step(conn, chain, "k0", how="failed")
    assert [*states(conn, chain).values()] == [S.FAILED, *[S.SKIPPED] * 11]
    assert len({reason(conn, chain, key) for key in keys[1:]}) == 1


def test_case_9_a_retry_of_the_upstream_reopens_what_was_skipped_for_it(
    conn: Connection,
) -> None:
    chain = group(conn, step("a"), step("b", "a"), step("c", "b"), step("free"))
    resolve(conn)
    end_step(conn, chain, "free")
    job = job_of(conn, chain, "a")
    end_step(conn, chain, "a", how="failed")
    assert outcome(conn, chain) is GroupOutcome.PARTLY
    operator_changes.change(conn, verb=Verb.RETRY, job_id=job, now=T0)
    resolve(conn)
    assert states(conn, chain) == {
        "a": S.ENQUEUED,
        "b": S.PENDING,
        "c": S.PENDING,
        "free": S.SUCCEEDED,
    }
    assert outcome(conn, chain) is None
    for key in ("a", "b", "c"):
        end_step(conn, chain, key)
    assert groups.finishes(conn, chain) == [(1, "partly"), (2, "succeeded")]


def test_case_10_a_deleted_upstream_counts_as_cancelled(conn: Connection) -> None:
    job = jobs.crawling(conn, "elsewhere")
    pair = group(conn, step("b", job.job_id))
    jobs.complete(conn, claim=job, outcome="crawled", now=T0)
    delete = partial(operator_changes.change, conn, verb=Verb.DELETE, job_id=job.job_id, now=T0)
    with pytest.raises(errors.StepDependsOnJob, match=f"step b of group {pair}"):
        delete()
    delete(force=True)
    resolve(conn)
    assert states(conn, pair) == {"b": S.SKIPPED}
    assert reason(conn, pair, "b") == f"job {job.job_id} was deleted"


@pytest.mark.parametrize(("how", "state"), [("crawled", S.ENQUEUED), ("failed", S.SKIPPED)])
@pytest.mark.parametrize("before", [True, False])
def test_case_2_a_wait_for_a_job_sees_an_end_before_and_after_it(
    conn: Connection, before: bool, how: str, state: StepState
) -> None:
    job_id = jobs.enqueue(conn, "elsewhere")
    if before:
        end_job(conn, job_id, how=how)
    waiting = group(conn, step("b", job_id))
    resolve(conn)
    if not before:
        assert states(conn, waiting) == {"b": S.PENDING}
        end_job(conn, job_id, how=how)
        resolve(conn)
    assert states(conn, waiting) == {"b": state}


def test_a_wait_for_a_group_ends_with_the_group(conn: Connection) -> None:
    first = group(conn, step("a"))
    second = group(conn, step("b", Upstream(group_id=first)))
    resolve(conn)
    assert states(conn, second) == {"b": S.PENDING}
    end_step(conn, first, "a")
    assert states(conn, second) == {"b": S.ENQUEUED}
    third = group(conn, step("c", Upstream(group_id=first)))
    resolve(conn)
    assert states(conn, third) == {"c": S.ENQUEUED}


def test_case_12_a_step_whose_subreddit_is_crawled_follows_the_follow_up(
    conn: Connection,
) -> None:
    running = jobs.crawling(conn, "pots")
    pair = group(conn, step("a", subreddit="Pots"), step("b", "a"))
    resolve(conn)
    assert job_of(conn, pair, "a") == running.job_id
    jobs.complete(conn, claim=running, outcome="crawled", now=T0)
    resolve(conn)
    follow_up = job_of(conn, pair, "a")
    assert follow_up != running.job_id
    assert states(conn, pair) == {"a": S.ENQUEUED, "b": S.PENDING}
    end_job(conn, follow_up)
    resolve(conn)
    assert states(conn, pair) == {"a": S.SUCCEEDED, "b": S.ENQUEUED}


def test_case_12_the_follow_up_may_have_ended_before_the_step_moves_to_it(
    conn: Connection,
) -> None:
    running = jobs.crawling(conn, "pots")
    pair = group(conn, step("a", subreddit="pots"))
    resolve(conn)
    jobs.complete(conn, claim=running, outcome="crawled", now=T0)
    (follow_up,) = jobs.claim_all(conn)
    jobs.complete(conn, claim=follow_up, outcome="crawled", now=T0)
    resolve(conn)
    assert states(conn, pair) == {"a": S.SUCCEEDED}
    assert job_of(conn, pair, "a") == follow_up.job_id


@pytest.mark.parametrize("how", ["banned", "cancelled", "rescued"])
def test_case_12_without_a_follow_up_the_step_takes_the_end_of_the_job(
    conn: Connection, how: str
) -> None:
    running = jobs.crawling(conn, "pots")
    pair = group(conn, step("a", subreddit="pots"))
    resolve(conn)
    now = T0
    if how == "banned":
        jobs.complete(conn, claim=running, outcome="banned", now=T0)
    elif how == "cancelled":
        operator_changes.change(conn, verb=Verb.CANCEL, job_id=running.job_id, actor="ada", now=T0)
    else:
        now = T0 + timedelta(days=1)
        job_maintenance.rescue_stuck_jobs(
            conn, lease_seconds=30, reset_after=15 * MINUTE, retry=RetryPolicy(), now=now
        )
        resolve(conn, now=now)
        assert states(conn, pair) == {"a": S.ENQUEUED}
        (again,) = jobs.claim_all(conn, now=now)
        jobs.complete(conn, claim=again, outcome="crawled", now=now)
    resolve(conn, now=now)
    expected = S.CANCELLED if how == "cancelled" else S.SUCCEEDED
    assert states(conn, pair) == {"a": expected}
    assert job_of(conn, pair, "a") == running.job_id


def test_case_12_a_step_merges_into_a_queued_job(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, "pots", priority=10)
    single = group(conn, step("a", subreddit="pots", priority=70))
    resolve(conn)
    assert job_of(conn, single, "a") == job_id
    assert jobs.job(conn, job_id).priority == 70
    end_step(conn, single, "a")
    assert states(conn, single) == {"a": S.SUCCEEDED}


def shared(conn: Connection, job_id: int) -> tuple[bool, bool]:
    row = conn.execute(
        text("SELECT watched, shared FROM crawl_jobs WHERE id = :id"), {"id": job_id}
    ).one()
    return row.watched, row.shared


def test_a_job_is_shared_unless_only_the_step_requested_it(conn: Connection) -> None:
    other = jobs.enqueue(conn, "other")
    assert shared(conn, other) == (False, True)
    pair = group(conn, step("own"), step("o", subreddit="other"))
    resolve(conn)
    assert shared(conn, job_of(conn, pair, "own")) == (True, False)
    assert shared(conn, other) == (True, True)
    jobs.enqueue(conn, "sub_own")
    assert shared(conn, job_of(conn, pair, "own")) == (True, True)


def test_case_16_an_empty_sealed_group_finishes_at_once(conn: Connection) -> None:
    empty = group(conn)
    assert outcome(conn, empty) is GroupOutcome.SUCCEEDED
    assert groups.finishes(conn, empty) == [(1, "succeeded")]
    waiting = group(conn, step("a", Upstream(group_id=empty)))
    resolve(conn)
    assert states(conn, waiting) == {"a": S.ENQUEUED}


def test_case_15_only_a_sealed_group_finishes(conn: Connection) -> None:
    open_group = group(conn, step("a"), sealed=False)
    resolve(conn)
    end_step(conn, open_group, "a")
    assert outcome(conn, open_group) is None
    group_creation.seal(conn, group_id=open_group, now=T0)
    assert outcome(conn, open_group) is GroupOutcome.SUCCEEDED


def test_case_17_a_second_report_of_an_end_changes_nothing(conn: Connection) -> None:
    pair = group(conn, step("a"), step("b", "a"))
    resolve(conn)
    job = job_of(conn, pair, "a")
    end_step(conn, pair, "a")
    before = [*conn.execute(text("SELECT * FROM group_steps ORDER BY id"))]
    for _ in range(3):
        conn.execute(text("INSERT INTO upstream_changes (job_id) VALUES (:id)"), {"id": job})
    resolve(conn)
    assert [*conn.execute(text("SELECT * FROM group_steps ORDER BY id"))] == before
    assert conn.execute(text("SELECT count(*) FROM upstream_changes")).scalar_one() == 0


def test_case_21_a_release_and_a_deferral_are_no_end(conn: Connection) -> None:
    single = group(conn, step("a"))
    resolve(conn)
    (claim,) = jobs.claim_all(conn)
    jobs.release(conn, claim=claim, now=T0)
    resolve(conn)
    assert states(conn, single) == {"a": S.ENQUEUED}


@pytest.mark.parametrize("at_most", [1, 3, 1_000])
def test_case_23_a_deep_cascade_goes_on_in_small_transactions(
    conn: Connection, at_most: int
) -> None:
    keys = [f"k{at}" for at in range(20)]
    chain = group(
        conn,
        step(keys[0]),
        *(step(key, keys[at]) for at, key in enumerate(keys[1:])),
        *(step(f"wide{at}", keys[0]) for at in range(10)),
    )
    resolve(conn, at_most=at_most)
    end_job(conn, job_of(conn, chain, "k0"), how="failed")
    resolve(conn, at_most=at_most)
    assert [*states(conn, chain).values()] == [S.FAILED, *[S.SKIPPED] * 29]
    assert outcome(conn, chain) is GroupOutcome.FAILED


@pytest.mark.parametrize(
    ("requires", "how", "state"),
    [
        ("any", "private", S.SUCCEEDED),
        ("crawled", "private", S.FAILED),
        ("crawled", "no_budget", S.FAILED),
        ("crawled", "crawled", S.SUCCEEDED),
        ("complete", "crawled", S.SUCCEEDED),
    ],
)
def test_case_24_a_step_can_require_an_outcome(
    conn: Connection, requires: str, how: str, state: StepState
) -> None:
    single = group(conn, step("a", requires=requires))
    resolve(conn)
    end_step(conn, single, "a", how=how)
    assert states(conn, single) == {"a": state}


def test_an_end_without_a_record_is_found(conn: Connection) -> None:
    """A worker of the previous release ends a job without a row in upstream_changes."""
    elsewhere = jobs.enqueue(conn, "elsewhere")
    pair = group(conn, step("a"), step("b", elsewhere))
    resolve(conn)
    for job_id in (job_of(conn, pair, "a"), elsewhere):
        end_job(conn, job_id)
    conn.execute(text("DELETE FROM upstream_changes"))
    resolve(conn)
    assert states(conn, pair) == {"a": S.ENQUEUED, "b": S.PENDING}
    assert groups.record_lost_ends(conn) == 2
    resolve(conn)
    assert states(conn, pair) == {"a": S.SUCCEEDED, "b": S.ENQUEUED}
    assert groups.record_lost_ends(conn) == 0


def test_a_step_for_later_makes_a_job_that_waits(conn: Connection) -> None:
    single = group(conn, step("a", visible_at=T0 + timedelta(hours=3)))
    resolve(conn)
    job = jobs.job(conn, job_of(conn, single, "a"))
    assert (job.status, job.visible_at) == (JobStatus.WAITING, T0 + timedelta(hours=3))
