"""A job waits for a cause that is stored elsewhere no longer than that cause lasts."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import FREED_WITHIN_SECONDS, PARKED_MAX_SECONDS, JobStatus, WaitReason
from crawljobs.domain.request_budget import BudgetReport, Slot
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.content import crawl_history, politeness_gaps, stored_subreddits
from crawljobs.repository.content.crawl_history import Marks
from crawljobs.repository.queue import job_completion, operator_changes, parked_jobs, queue_pauses
from crawljobs.repository.queue.maintenance import clock_setbacks, pause_parking
from crawljobs.repository.reddit_api import (
    reddit_budgets,
    reddit_outages,
    reddit_tokens,
    reply_failures,
    slot_reservation,
)
from support import jobs
from support.jobs import T0
from support.waiting import wait_until

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PARKED_MAX = timedelta(seconds=PARKED_MAX_SECONDS)
CLIENT = "client"


def scope_of(conn: Connection, name: str = "python") -> int:
    return stored_subreddits.ensure(conn, names=[name], discovered_from=None, depth=0)[name]


def pause(conn: Connection, until: datetime | None = None, now: datetime = T0) -> None:
    queue_pauses.pause(
        conn, scope=scope_of(conn), reason="ours", paused_by="ops", until=until, now=now
    )


def resume(conn: Connection, now: datetime = T0) -> None:
    assert queue_pauses.resume(conn, scope=scope_of(conn), now=now)


def crawl_gap(conn: Connection, gap: timedelta | None, now: datetime = T0) -> None:
    politeness_gaps.set_politeness(
        conn,
        subreddit_id=scope_of(conn),
        request_gap=None,
        crawl_gap=None if gap is None else gap.total_seconds(),
        now=now,
    )


def crawled(conn: Connection, at: datetime = T0) -> None:
    crawl_history.finish_crawl(conn, subreddit_id=scope_of(conn), marks=Marks(), now=at)


def status(conn: Connection, job_id: int) -> JobStatus:
    return jobs.job(conn, job_id).status


def without_cause(conn: Connection, now: datetime = T0) -> list[int]:
    found = parked_jobs.waiting_without_cause(conn, grace=timedelta(0), now=now)
    return [one.job_id for one in found]


def deferred(
    conn: Connection, reason: WaitReason, delay: timedelta, *, claim: Claim | None = None
) -> int:
    """A job whose crawl stopped at T0 for this reason."""
    claim = claim or jobs.crawling(conn)
    end = completion.deferred(claim, delay=delay, reason=reason, message="not now")
    job_completion.complete_claim(conn, end, now=T0)
    return claim.job_id


def follow_up(conn: Connection, of: int) -> int:
    query = text("SELECT id FROM crawl_jobs WHERE id > :of ORDER BY id LIMIT 1")
    return int(conn.execute(query, {"of": of}).scalar_one())


# A pause that is changed


@pytest.mark.parametrize("before", [None, T0 + DAY, T0 + 30 * SECOND])
@pytest.mark.parametrize("after", [None, T0 + 2 * DAY, T0 + 8 * SECOND, T0 + 90 * SECOND])
def test_a_parked_job_follows_a_pause_that_is_changed(
    conn: Connection, before: datetime | None, after: datetime | None
) -> None:
    job_id = jobs.enqueue(conn)
    pause(conn, until=before)
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, before)
    pause(conn, until=after)
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, after)
    assert jobs.job(conn, job_id).visible_at <= min(T0 + PARKED_MAX, after or T0 + DAY)
    end = after or T0 + 3 * DAY
    for at in (T0 + 7 * SECOND, T0 + PARKED_MAX, end - SECOND):
        if at < end:
            jobs.sweep(conn, now=at)
            assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, after)
    jobs.sweep(conn, now=end)
    assert (status(conn, job_id) is JobStatus.QUEUED) is (after is not None)


def test_a_pause_that_is_changed_to_be_over_frees_its_job(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    pause(conn)
    pause(conn, until=T0)
    assert status(conn, job_id) is JobStatus.QUEUED
    assert len(jobs.claim_all(conn)) == 1


def test_a_job_is_never_parked_for_more_than_a_minute(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    for minutes in range(5):
        at = T0 + minutes * MINUTE
        jobs.sweep(conn, now=at)
        assert at < jobs.job(conn, job_id).visible_at <= at + PARKED_MAX
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, None)


def test_a_pause_deleted_by_hand_frees_its_job_at_the_next_sweep(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    conn.execute(text("DELETE FROM queue_pauses"))
    assert without_cause(conn) == [job_id]
    jobs.sweep(conn, now=T0)
    assert (status(conn, job_id), without_cause(conn)) == (JobStatus.QUEUED, [])


def test_a_sweep_that_cannot_look_at_all_looks_at_those_parked_last(conn: Connection) -> None:
    pause(conn)
    jobs.enqueue(conn)
    at = T0 + 10 * SECOND
    queue_pauses.pause(conn, scope=scope_of(conn, "rust"), reason="r", paused_by="ops", now=at)
    last = jobs.enqueue(conn, "rust", now=at)
    conn.execute(text("DELETE FROM queue_pauses"))
    assert parked_jobs.settle_parked_jobs(conn, at_most=1, now=at) == 1
    assert status(conn, last) is JobStatus.QUEUED


def test_a_job_parked_for_ever_by_the_previous_release_is_freed(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    conn.execute(text("UPDATE crawl_jobs SET visible_at = '9999-12-31T00:00:00Z'"))
    assert without_cause(conn) == [job_id]
    jobs.sweep(conn, now=T0)
    assert (jobs.waits(conn, job_id), without_cause(conn)) == ((WaitReason.PAUSED, None), [])
    resume(conn)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_everything_paused_parks_nothing(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    queue_pauses.pause(conn, scope=queue_pauses.EVERYTHING, reason="r", paused_by="me", now=T0)
    jobs.sweep(conn, now=T0)
    assert (status(conn, job_id), jobs.claim_all(conn)) == (JobStatus.QUEUED, [])
    assert queue_pauses.resume(conn, scope=queue_pauses.EVERYTHING, now=T0)
    assert len(jobs.claim_all(conn)) == 1


def test_a_woken_job_of_a_paused_subreddit_is_parked_again(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    operator_changes.wake(conn, job_id=job_id, now=T0)
    assert jobs.claim_all(conn) == []
    jobs.sweep(conn, now=T0)
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, None)


# A request that is merged


@pytest.mark.parametrize("paused", [False, True])
def test_a_request_for_now_ends_a_wait_for_later(conn: Connection, paused: bool) -> None:
    job_id = jobs.enqueue(conn, visible_at=T0 + 7 * DAY)
    if paused:
        pause(conn)
    assert jobs.enqueue(conn) == job_id
    if paused:
        assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, None)
        resume(conn)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_a_request_for_later_does_not_put_off_one_for_now(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    jobs.enqueue(conn, visible_at=T0 + DAY)
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, None)
    resume(conn)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_of_two_requests_for_later_the_earlier_counts(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, visible_at=T0 + 2 * DAY)
    pause(conn)
    jobs.enqueue(conn, visible_at=T0 + DAY)
    jobs.enqueue(conn, visible_at=T0 + 3 * DAY)
    assert jobs.waits(conn, job_id) == (WaitReason.LATER, T0 + DAY)
    jobs.sweep(conn, now=T0 + DAY)
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, None)


def test_a_request_frees_a_job_whose_pause_is_gone(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    conn.execute(text("DELETE FROM queue_pauses"))
    jobs.enqueue(conn)
    assert status(conn, job_id) is JobStatus.QUEUED


@pytest.mark.parametrize("how", ["schedule_retry", "defer"])
def test_a_request_cuts_no_backoff_short(conn: Connection, how: str) -> None:
    claim = jobs.crawling(conn)
    jobs.ENDS[how](conn, claim)
    before = jobs.waits(conn, claim.job_id)
    jobs.enqueue(conn)
    assert jobs.waits(conn, claim.job_id) == before


def test_a_request_does_not_cut_the_gap_between_two_requests_short(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    deferred(conn, WaitReason.POLITENESS, 50 * SECOND, claim=claim)
    jobs.enqueue(conn)
    assert jobs.waits(conn, claim.job_id) == (WaitReason.POLITENESS, T0 + 50 * SECOND)


# A rerun that was asked for


@pytest.mark.parametrize("until", [None, T0 + 2 * HOUR])
def test_a_follow_up_does_not_wait_for_a_pause_that_is_over(
    conn: Connection, until: datetime | None
) -> None:
    claim = jobs.crawling(conn)
    pause(conn, until=until)
    assert jobs.enqueue(conn) == claim.job_id
    resume(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0 + SECOND)
    born = follow_up(conn, claim.job_id)
    assert status(conn, born) is JobStatus.QUEUED


def test_a_follow_up_waits_for_the_pause_that_is_in_force_when_it_is_born(
    conn: Connection,
) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    pause(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    born = follow_up(conn, claim.job_id)
    assert jobs.waits(conn, born) == (WaitReason.PAUSED, None)
    assert jobs.job(conn, born).visible_at <= T0 + PARKED_MAX
    resume(conn)
    assert status(conn, born) is JobStatus.QUEUED


def test_a_follow_up_asked_for_later_waits_until_then(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    pause(conn)
    jobs.enqueue(conn, visible_at=T0 + DAY)
    resume(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    assert jobs.waits(conn, follow_up(conn, claim.job_id)) == (WaitReason.LATER, T0 + DAY)


@pytest.mark.parametrize("now_first", [False, True])
def test_of_two_requests_for_a_rerun_the_earlier_time_counts(
    conn: Connection, now_first: bool
) -> None:
    claim = jobs.crawling(conn)
    times = [T0 + HOUR, T0 + DAY]
    for at in times if now_first else reversed(times):
        jobs.enqueue(conn, visible_at=at)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    assert jobs.waits(conn, follow_up(conn, claim.job_id)) == (WaitReason.LATER, T0 + HOUR)


def test_a_request_for_now_beside_one_for_later_reruns_at_once(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn, visible_at=T0 + DAY)
    jobs.enqueue(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0 + SECOND)
    assert status(conn, follow_up(conn, claim.job_id)) is JobStatus.QUEUED


def test_the_end_of_a_pause_in_a_wish_of_the_previous_release_counts_for_nothing(
    conn: Connection,
) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    conn.execute(text("UPDATE crawl_jobs SET rerun_visible_at = '9999-12-31T00:00:00Z'"))
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    assert status(conn, follow_up(conn, claim.job_id)) is JobStatus.QUEUED


@pytest.mark.parametrize("paused", [True, False])
def test_a_follow_up_that_the_previous_release_made_for_never_is_freed(
    conn: Connection, paused: bool
) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    made = follow_up(conn, claim.job_id)
    for_never = """
        UPDATE crawl_jobs SET status = 'waiting', wait_reason = 'later',
            visible_at = '9999-12-31T00:00:00Z', created_at = CAST(:now AS timestamptz)
        WHERE id = :id
        """
    conn.execute(text(for_never), {"id": made, "now": T0 + timedelta(milliseconds=1)})
    asked_for = jobs.enqueue(conn, "rust", visible_at=datetime(9999, 12, 31, tzinfo=UTC))
    if paused:
        pause(conn)
    for what in clock_setbacks.MENDS:
        clock_setbacks.mend(conn, what=what, retry=RetryPolicy(), now=T0 + MINUTE)
    jobs.sweep(conn, now=T0 + MINUTE)
    expected = JobStatus.WAITING if paused else JobStatus.QUEUED
    assert status(conn, made) is expected
    if paused:
        assert jobs.waits(conn, made) == (WaitReason.PAUSED, None)
    assert jobs.waits(conn, asked_for)[0] is WaitReason.LATER


# Politeness


def test_the_gap_between_two_crawls_is_not_the_end_of_a_crawl_that_has_begun(
    conn: Connection,
) -> None:
    claim = jobs.crawling(conn)
    crawled(conn)
    crawl_gap(conn, 7 * DAY)
    deferred(conn, WaitReason.POLITENESS, 50 * SECOND, claim=claim)
    assert jobs.waits(conn, claim.job_id) == (WaitReason.POLITENESS, T0 + 50 * SECOND)
    jobs.sweep(conn, now=T0 + 50 * SECOND)
    assert status(conn, claim.job_id) is JobStatus.QUEUED


@pytest.mark.parametrize("gap", [None, timedelta(seconds=5), timedelta(0)])
def test_a_gap_that_is_shortened_frees_the_job_in_time(
    conn: Connection, gap: timedelta | None
) -> None:
    crawled(conn)
    crawl_gap(conn, DAY)
    job_id = jobs.enqueue(conn)
    assert jobs.waits(conn, job_id) == (WaitReason.POLITENESS, T0 + DAY)
    crawl_gap(conn, gap, now=T0 + 3 * SECOND)
    if gap:
        assert jobs.waits(conn, job_id) == (WaitReason.POLITENESS, T0 + gap)
        jobs.sweep(conn, now=T0 + gap)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_a_gap_that_is_lengthened_makes_the_job_wait_on(conn: Connection) -> None:
    crawled(conn)
    crawl_gap(conn, 10 * SECOND)
    job_id = jobs.enqueue(conn)
    crawl_gap(conn, HOUR)
    jobs.sweep(conn, now=T0 + MINUTE)
    assert jobs.waits(conn, job_id) == (WaitReason.POLITENESS, T0 + HOUR)


def test_a_new_gap_between_requests_lets_the_crawl_reckon_again(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    deferred(conn, WaitReason.POLITENESS, HOUR, claim=claim)
    crawl_gap(conn, None, now=T0 + SECOND)
    assert status(conn, claim.job_id) is JobStatus.QUEUED


def test_a_crawl_that_has_begun_does_not_wait_for_the_gap_between_crawls(
    conn: Connection,
) -> None:
    crawled(conn)
    crawl_gap(conn, DAY)
    job_id = jobs.enqueue(conn)
    operator_changes.wake(conn, job_id=job_id, now=T0)
    jobs.ENDS["schedule_retry"](conn, jobs.claim_one(conn))
    jobs.sweep(conn, now=T0 + HOUR)
    assert status(conn, job_id) is JobStatus.QUEUED


# Reddit


def reserve(conn: Connection, now: datetime = T0) -> Slot:
    return slot_reservation.reserve_slot(conn, client_id=CLIENT, longest_wait=30, now=now)


def test_a_job_waits_on_while_reddit_is_paused_and_is_free_a_sweep_later(
    conn: Connection,
) -> None:
    reserve(conn)
    reddit_budgets.pause_all(conn, client_id=CLIENT, seconds=300, now=T0)
    job_id = deferred(conn, WaitReason.RATE_LIMIT, 300 * SECOND)
    until = T0 + 300 * SECOND
    assert jobs.waits(conn, job_id) == (WaitReason.RATE_LIMIT, until)
    for seconds in range(0, 300, 20):
        jobs.sweep(conn, now=T0 + seconds * SECOND)
        assert jobs.waits(conn, job_id) == (WaitReason.RATE_LIMIT, until)
    jobs.sweep(conn, now=until)
    assert status(conn, job_id) is JobStatus.QUEUED


@pytest.mark.parametrize("reason", [WaitReason.OUTAGE, WaitReason.RATE_LIMIT])
def test_a_client_that_is_not_used_any_more_hides_no_end(
    conn: Connection, reason: WaitReason
) -> None:
    column = "outage_until" if reason is WaitReason.OUTAGE else "paused_until"
    conn.execute(
        text(f"""
            INSERT INTO reddit_budgets (client_id, next_slot_at, {column})
            VALUES ('former', CAST(:now AS timestamptz) - interval '30 days',
                    CAST(:now AS timestamptz) - interval '30 days'),
                (:client, :now, :end)
            """),
        {"now": T0, "client": CLIENT, "end": T0 + 5 * MINUTE},
    )
    job_id = deferred(conn, reason, 5 * MINUTE)
    assert jobs.waits(conn, job_id) == (reason, T0 + 5 * MINUTE)


def test_the_end_of_an_outage_frees_its_jobs_at_once(conn: Connection) -> None:
    reserve(conn)
    for _ in range(10):
        reply_failures.record_failed(conn, client_id=CLIENT, now=T0)
    job_id = deferred(conn, WaitReason.OUTAGE, 30 * SECOND)
    jobs.sweep(conn, now=T0 + 2 * SECOND)
    assert jobs.waits(conn, job_id) == (WaitReason.OUTAGE, T0 + 30 * SECOND)
    reddit_outages.record_probe(conn, client_id=CLIENT, good=True, now=T0 + 5 * SECOND)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_a_larger_budget_frees_the_jobs_that_waited_for_a_slot(conn: Connection) -> None:
    slot = reserve(conn)
    conn.execute(
        text("UPDATE reddit_budgets SET next_slot_at = :at"), {"at": T0 + timedelta(minutes=9)}
    )
    job_id = deferred(conn, WaitReason.RATE_LIMIT, timedelta(minutes=9))
    jobs.sweep(conn, now=T0 + timedelta(minutes=5))
    assert jobs.waits(conn, job_id)[0] is WaitReason.RATE_LIMIT
    report = BudgetReport(used=1, remaining=99_999, reset_seconds=300)
    reddit_budgets.learn_from_reply(
        conn, client_id=CLIENT, slot=slot, report=report, now=T0 + timedelta(minutes=5)
    )
    assert status(conn, job_id) is JobStatus.QUEUED


def test_a_token_frees_the_jobs_that_waited_for_one(conn: Connection) -> None:
    job_id = deferred(conn, WaitReason.OUTAGE, 50 * SECOND)
    reddit_tokens.keep(conn, client_id=CLIENT, token="t", lives=3600, now=T0)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_what_frees_jobs_of_reddit_leaves_them_while_it_is_paused_for_another_reason(
    conn: Connection,
) -> None:
    reserve(conn)
    reddit_budgets.pause_all(conn, client_id=CLIENT, seconds=300, now=T0)
    job_id = deferred(conn, WaitReason.RATE_LIMIT, 300 * SECOND)
    assert parked_jobs.free_from_reddit(conn, now=T0 + SECOND) == 0
    assert jobs.waits(conn, job_id)[0] is WaitReason.RATE_LIMIT


def test_of_two_clients_one_that_may_ask_is_enough(conn: Connection) -> None:
    for client in ("one", "two"):
        slot_reservation.reserve_slot(conn, client_id=client, longest_wait=30, now=T0)
    reddit_budgets.pause_all(conn, client_id="one", seconds=3_000, now=T0)
    job_id = deferred(conn, WaitReason.RATE_LIMIT, 3_000 * SECOND)
    jobs.sweep(conn, now=T0 + MINUTE)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_a_client_that_is_used_no_more_says_nothing(conn: Connection) -> None:
    slot_reservation.reserve_slot(conn, client_id="old", longest_wait=30, now=T0 - 2 * DAY)
    reserve(conn)
    reddit_budgets.pause_all(conn, client_id=CLIENT, seconds=300, now=T0)
    job_id = deferred(conn, WaitReason.RATE_LIMIT, 300 * SECOND)
    jobs.sweep(conn, now=T0 + 2 * MINUTE)
    assert jobs.waits(conn, job_id)[0] is WaitReason.RATE_LIMIT


@pytest.mark.parametrize(
    "reason", [WaitReason.RATE_LIMIT, WaitReason.OUTAGE, WaitReason.POLITENESS]
)
def test_a_cause_that_no_row_shows_is_looked_at_by_a_worker_each_minute(
    conn: Connection, reason: WaitReason
) -> None:
    job_id = deferred(conn, reason, 10 * MINUTE)
    jobs.sweep(conn, now=T0 + 59 * SECOND)
    assert jobs.waits(conn, job_id)[0] is reason
    assert without_cause(conn, now=T0 + 59 * SECOND) == []
    jobs.sweep(conn, now=T0 + PARKED_MAX)
    assert status(conn, job_id) is JobStatus.QUEUED


# The invariant


def test_a_wait_that_is_overdue_breaks_the_invariant(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, visible_at=T0 + MINUTE)
    late = T0 + MINUTE + timedelta(seconds=FREED_WITHIN_SECONDS)
    assert parked_jobs.waiting_without_cause(conn, now=late) == []
    (found,) = parked_jobs.waiting_without_cause(conn, now=late + SECOND)
    assert (found.job_id, found.wait_reason) == (job_id, WaitReason.LATER)


def test_politeness_that_is_over_breaks_the_invariant(conn: Connection) -> None:
    crawled(conn)
    crawl_gap(conn, DAY)
    job_id = jobs.enqueue(conn)
    assert without_cause(conn) == []
    conn.execute(text("UPDATE subreddits SET min_crawl_gap_seconds = NULL"))
    assert without_cause(conn) == [job_id]
    jobs.sweep(conn, now=T0)
    assert without_cause(conn) == []


def test_a_pause_that_just_ended_by_itself_is_still_a_reason_within_the_grace(
    conn: Connection,
) -> None:
    pause(conn, until=T0 + 10 * SECOND)
    job_id = jobs.enqueue(conn)
    at = T0 + 12 * SECOND
    assert parked_jobs.waiting_without_cause(conn, now=at) == []
    assert without_cause(conn, now=at) == [job_id]


# Races


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
