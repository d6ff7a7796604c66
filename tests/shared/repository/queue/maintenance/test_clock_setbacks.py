"""After the database's clock was set back, times stored before cause only a short delay."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain import completion, retry
from crawljobs.domain.actor import Actor
from crawljobs.domain.aging import AgingPolicy
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.domain.operation import OperationKind
from crawljobs.domain.request_budget import Slot
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import (
    crawl_history,
    politeness_gaps,
    stored_subreddits,
    subreddit_access,
)
from crawljobs.repository.content.crawl_history import Marks
from crawljobs.repository.operations import operation_rows, service_instances, task_turns
from crawljobs.repository.queue import job_completion, leases, queue_pauses
from crawljobs.repository.queue.maintenance import job_aging, job_maintenance
from crawljobs.repository.reddit_api import (
    reddit_outages,
    reddit_pauses,
    reply_failures,
    slot_reservation,
    token_turns,
)
from support import jobs
from support.clock_setbacks import RETRY, SETBACKS, mend
from support.jobs import T0

SECOND = timedelta(seconds=1)

MINUTE = timedelta(minutes=1)

HOUR = timedelta(hours=1)

DAY = timedelta(days=1)

CLIENT = "client"


def reserve(conn: Connection, now: datetime) -> Slot:
    return slot_reservation.reserve_slot(conn, client_id=CLIENT, longest_wait=30, now=now)


def rescue(
    conn: Connection, now: datetime, *, reset_after: timedelta = 15 * MINUTE
) -> list[JobStatus]:
    rescued = job_maintenance.rescue_stuck_jobs(
        conn,
        lease_seconds=jobs.LEASE_SECONDS,
        reset_after=reset_after,
        retry=RETRY,
        now=now,
    )
    return [one.status for one in rescued]


def test_what_legitimate_clocks_write_is_left_alone(conn: Connection) -> None:
    for _ in range(40):
        reserve(conn, T0)
    reddit_pauses.pause_all(conn, client_id=CLIENT, seconds=3600, now=T0)
    for _ in range(10):
        reply_failures.record_failed(conn, client_id=CLIENT, now=T0)
    for _ in range(9):
        reddit_outages.record_probe(conn, client_id=CLIENT, good=False, now=T0)
    token_turns.take_turn(
        conn, client_id=CLIENT, refused=None, early_seconds=60, turn_seconds=75, now=T0
    )
    for _ in range(9):
        token_turns.postpone(conn, client_id=CLIENT, throttled=True, first=5, longest=600, now=T0)
    claim = jobs.crawling(conn, "held")
    leases.extend_claims(conn, claims=[claim], lease_seconds=3600, now=T0)
    for retries in (0, 1, 5, 40):
        conn.execute(text("UPDATE crawl_jobs SET retry_count = 0 WHERE status = 'crawling'"))
        claim = jobs.crawling(conn, f"retried_{retries}", max_retries=99)
        conn.execute(
            text("UPDATE crawl_jobs SET retry_count = :n, rescues_in_a_row = 1 WHERE id = :id"),
            {"n": retries, "id": claim.job_id},
        )
    rescue(conn, T0 + 40 * SECOND)
    jobs.enqueue(conn, "later", visible_at=T0 + 3000 * DAY)
    for access in (AccessState.PRIVATE,) * 9:
        ids = stored_subreddits.ensure(conn, names=["shy"], discovered_from=None, depth=0)
        subreddit_access.record_access(conn, subreddit_id=ids["shy"], access=access, now=T0)
    service_instances.seen(conn, name="w", role="crawler-worker", version="1", details={}, now=T0)
    assert mend(conn, T0) == {}


@pytest.mark.parametrize("setback", [2 * MINUTE, *SETBACKS])
@pytest.mark.parametrize("hold", [timedelta(0), 4 * MINUTE])
def test_a_turn_of_the_future_is_taken(
    conn: Connection, setback: timedelta, hold: timedelta
) -> None:
    turn = {"task": "prune", "every": 5 * MINUTE, "hold": hold}
    assert task_turns.take_turn(conn, **turn, now=T0)
    assert not task_turns.take_turn(conn, **turn, now=T0)
    assert task_turns.take_turn(conn, **turn, now=T0 - setback)


def test_a_turn_that_another_worker_took_this_moment_is_not_taken_again(
    conn: Connection,
) -> None:
    turn = {"task": "prune", "every": 5 * MINUTE, "hold": 4 * MINUTE}
    assert task_turns.take_turn(conn, **turn, now=T0)
    assert not task_turns.take_turn(conn, **turn, now=T0 - 30 * SECOND)


@pytest.mark.parametrize("setback", SETBACKS)
@pytest.mark.parametrize(("retries", "longest"), [(0, 72 * SECOND), (3, 576 * SECOND), (60, DAY)])
def test_a_backoff_lasts_no_longer_than_the_rule_says(
    conn: Connection, setback: timedelta, retries: int, longest: timedelta
) -> None:
    claim = jobs.crawling(conn, max_retries=99)
    conn.execute(text("UPDATE crawl_jobs SET retry_count = :n"), {"n": retries})
    jobs.ENDS["schedule_retry"](conn, claim)
    now = T0 - setback
    mended = mend(conn, now)
    job = jobs.job(conn, claim.job_id)
    assert job.wait_reason is WaitReason.RETRY
    assert job.visible_at - now <= longest
    assert mended == ({"backoffs": 1} if T0 + MINUTE - now > longest + MINUTE else {})


LONGEST = retry.UNCLEAR_LONGEST_SECONDS * SECOND


def deferred_as_unclear(conn: Connection, delay: timedelta, now: datetime) -> int:
    claim = jobs.crawling(conn)
    end = completion.deferred(
        claim, delay=delay, reason=WaitReason.UNCLEAR, message="403 text/html"
    )
    job_completion.complete_claim(conn, end, now=now)
    return claim.job_id


@pytest.mark.parametrize("delay", [MINUTE, 4 * MINUTE, HOUR, LONGEST])
def test_a_job_whose_community_is_unclear_keeps_its_time(
    conn: Connection, delay: timedelta
) -> None:
    """With a shorter wait, the job would use up its deferrals of a day within minutes and fail."""
    job_id = deferred_as_unclear(conn, delay, T0)
    assert mend(conn, T0) == {}
    assert jobs.waits(conn, job_id) == (WaitReason.UNCLEAR, T0 + delay)


@pytest.mark.parametrize("setback", SETBACKS)
def test_a_job_whose_community_is_unclear_waits_no_longer_than_the_rule_says(
    conn: Connection, setback: timedelta
) -> None:
    job_id = deferred_as_unclear(conn, LONGEST, T0)
    mend(conn, T0 - setback)
    job = jobs.job(conn, job_id)
    assert job.visible_at - (T0 - setback) <= LONGEST + MINUTE


@pytest.mark.parametrize("setback", SETBACKS)
def test_parked_jobs_are_freed_after_a_setback(conn: Connection, setback: timedelta) -> None:
    scope = stored_subreddits.ensure(conn, names=["python"], discovered_from=None, depth=0)[
        "python"
    ]
    queue_pauses.pause(conn, scope=scope, reason="r", paused_by="ops", until=T0 + HOUR, now=T0)
    paused = jobs.enqueue(conn)
    deferred = jobs.crawling(conn, "rust")
    jobs.ENDS["defer"](conn, deferred)
    now = T0 - setback
    for seconds in (0, 61):
        jobs.sweep(conn, now=now + seconds * SECOND)
    assert jobs.job(conn, deferred.job_id).status is JobStatus.QUEUED
    # The pause keeps its end, because a person chose this time.
    assert jobs.waits(conn, paused) == (WaitReason.PAUSED, T0 + HOUR)
    assert queue_pauses.resume(conn, scope=scope, now=now)
    assert jobs.job(conn, paused).status is JobStatus.QUEUED


@pytest.mark.parametrize("how", ["released", "enqueued", "requeued"])
def test_a_queued_job_is_claimed_after_a_setback(conn: Connection, how: str) -> None:
    if how == "released":
        jobs.ENDS["release"](conn, jobs.crawling(conn))
    else:
        jobs.enqueue(conn, visible_at=None if how == "enqueued" else T0 + SECOND)
        jobs.sweep(conn, now=T0 + SECOND)
    assert len(jobs.claim_all(conn, now=T0 - 30 * DAY)) == 1


@pytest.mark.parametrize("setback", SETBACKS)
@pytest.mark.parametrize("priority", [50, 100])
def test_queued_jobs_are_claimed_in_turn_and_age_after_a_setback(
    conn: Connection, setback: timedelta, priority: int
) -> None:
    first = [jobs.enqueue(conn, f"first_{n}", priority=priority) for n in range(3)]
    now = T0 - setback
    assert mend(conn, now) == {"queued": 3}
    last = jobs.enqueue(conn, "last", priority=priority, now=now + MINUTE)
    later = now + 65 * MINUTE
    aged = job_aging.age_starved_jobs(conn, policy=AgingPolicy(), now=later)
    assert aged.jobs == (4 if priority == 50 else 0)
    claimed = [claim.job_id for claim in jobs.claim_all(conn, now=later)]
    assert claimed == [*first, last]


@pytest.mark.parametrize("setback", SETBACKS)
def test_a_dead_workers_job_is_rescued_a_lease_after_a_setback(
    conn: Connection, setback: timedelta
) -> None:
    jobs.crawling(conn)
    now = T0 - setback
    assert rescue(conn, now) == []
    assert mend(conn, now) == {"leases": 1}
    lease = timedelta(seconds=jobs.LEASE_SECONDS)
    assert rescue(conn, now + lease) == []
    assert rescue(conn, now + lease + SECOND) == [JobStatus.QUEUED]


@pytest.mark.parametrize("lease_seconds", [30, 3600])
def test_a_live_worker_keeps_its_claim_over_a_setback(
    conn: Connection, lease_seconds: float
) -> None:
    """The lease may be longer than the leases of the workers that repair the times."""
    claim = jobs.crawling(conn)
    leases.extend_claims(conn, claims=[claim], lease_seconds=lease_seconds, now=T0)
    now = T0 - 2 * HOUR
    mend(conn, now)
    later = now + timedelta(seconds=lease_seconds * 2 / 3)
    assert rescue(conn, later, reset_after=2 * HOUR) == []
    leases.extend_claims(conn, claims=[claim], lease_seconds=lease_seconds, now=now + SECOND)
    mend(conn, now + SECOND)
    lease = jobs.job(conn, claim.job_id).lease_expires_at
    assert lease == now + SECOND + timedelta(seconds=lease_seconds)


@pytest.mark.parametrize("setback", SETBACKS)
def test_a_subreddits_gap_does_not_last_for_the_setback(
    conn: Connection, setback: timedelta
) -> None:
    scope = stored_subreddits.ensure(conn, names=["python"], discovered_from=None, depth=0)[
        "python"
    ]
    politeness_gaps.set_politeness(
        conn, subreddit_id=scope, request_gap=None, crawl_gap=600, now=T0
    )
    crawl_history.finish_crawl(conn, subreddit_id=scope, marks=Marks(), now=T0)
    now = T0 - setback
    assert mend(conn, now) == {"last_crawled_at": 1}
    job_id = jobs.enqueue(conn, now=now)
    assert jobs.waits(conn, job_id) == (WaitReason.POLITENESS, now + 10 * MINUTE)


def test_the_next_look_at_a_barred_subreddit_is_at_most_90_days_away(conn: Connection) -> None:
    scope = stored_subreddits.ensure(conn, names=["shy"], discovered_from=None, depth=0)["shy"]
    for _ in range(9):
        subreddit_access.record_access(conn, subreddit_id=scope, access=AccessState.PRIVATE, now=T0)
    now = T0 - 30 * DAY
    assert mend(conn, now) == {"next_crawl_at": 1}
    looked = text("SELECT next_crawl_at FROM subreddits")
    assert now <= conn.execute(looked).scalar_one() <= now + DAY


def test_an_operation_is_due_after_a_setback(conn: Connection) -> None:
    """Otherwise the changes of its group would be refused until the former time."""
    operation = operation_rows.create(
        conn,
        kind=OperationKind.CANCEL_GROUP,
        resource_type="job_group",
        resource_id=1,
        total=1,
        actor=Actor("ada"),
        parameters={},
        now=T0,
    )
    now = T0 - DAY
    kinds = [OperationKind.CANCEL_GROUP]
    assert operation_rows.take(conn, kinds=kinds, now=now) is None
    assert mend(conn, now) == {"operations": 1}
    taken = operation_rows.take(conn, kinds=kinds, now=now)
    assert taken is not None
    assert taken.id == operation.id
    assert mend(conn, now) == {}


def test_a_process_that_is_gone_is_not_seen_for_the_setback(conn: Connection) -> None:
    service_instances.seen(conn, name="w", role="crawler-worker", version="1", details={}, now=T0)
    now = T0 - DAY
    assert mend(conn, now) == {"service_instances": 1}
    seen = text("SELECT seen_at FROM service_instances")
    assert conn.execute(seen).scalar_one() == now
