"""Jobs wait for Reddit: for the end of a pause, a request slot or a token."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.domain.request_budget import BudgetReport, PausedReason, Slot
from crawljobs.repository.queue import parked_jobs
from crawljobs.repository.reddit_api import (
    reddit_budgets,
    reddit_outages,
    reddit_pauses,
    reddit_tokens,
    reply_failures,
    slot_reservation,
)
from support import jobs
from support.jobs import T0
from support.parked import DAY, MINUTE, PARKED_MAX, SECOND, deferred, status, without_cause

CLIENT = "client"


def reserve(conn: Connection, now: datetime = T0) -> Slot:
    return slot_reservation.reserve_slot(conn, client_id=CLIENT, longest_wait=30, now=now)


def test_a_job_waits_on_while_reddit_is_paused_and_is_free_a_sweep_later(
    conn: Connection,
) -> None:
    reserve(conn)
    reddit_pauses.pause_all(conn, client_id=CLIENT, seconds=300, now=T0)
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
    reddit_pauses.pause_all(conn, client_id=CLIENT, seconds=300, now=T0)
    job_id = deferred(conn, WaitReason.RATE_LIMIT, 300 * SECOND)
    assert parked_jobs.free_from_reddit(conn, now=T0 + SECOND) == 0
    assert jobs.waits(conn, job_id)[0] is WaitReason.RATE_LIMIT


def test_of_two_clients_one_that_may_ask_is_enough(conn: Connection) -> None:
    for client in ("one", "two"):
        slot_reservation.reserve_slot(conn, client_id=client, longest_wait=30, now=T0)
    reddit_pauses.pause_all(conn, client_id="one", seconds=3_000, now=T0)
    job_id = deferred(conn, WaitReason.RATE_LIMIT, 3_000 * SECOND)
    jobs.sweep(conn, now=T0 + MINUTE)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_a_client_that_is_used_no_more_says_nothing(conn: Connection) -> None:
    slot_reservation.reserve_slot(conn, client_id="old", longest_wait=30, now=T0 - 2 * DAY)
    reserve(conn)
    reddit_pauses.pause_all(conn, client_id=CLIENT, seconds=300, now=T0)
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


def end_outage(conn: Connection, now: datetime) -> None:
    reddit_outages.record_accepted(conn, client_id=CLIENT, now=now)


def end_by_token(conn: Connection, now: datetime) -> None:
    reddit_tokens.keep(conn, client_id=CLIENT, token="t", lives=3600, now=now)


def end_by_larger_budget(conn: Connection, now: datetime) -> None:
    report = BudgetReport(used=1, remaining=99_999, reset_seconds=300)
    reddit_budgets.learn_from_reply(
        conn, client_id=CLIENT, slot=Slot(0.0, taken=True, number=1), report=report, now=now
    )


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        (WaitReason.OUTAGE, end_outage),
        (WaitReason.RATE_LIMIT, end_outage),
        (WaitReason.OUTAGE, end_by_token),
        (WaitReason.RATE_LIMIT, end_by_token),
        (WaitReason.RATE_LIMIT, end_by_larger_budget),
    ],
)
@pytest.mark.parametrize("committed_after", [0, 4, 5])
def test_a_job_deferred_after_the_end_of_its_cause_is_free_a_sweep_later(
    conn: Connection,
    reason: WaitReason,
    end: Callable[[Connection, datetime], None],
    committed_after: int,
) -> None:
    """The job is claimed before the transaction that ends its cause commits.

    This transaction commits `committed_after` seconds after its change.
    """
    reserve(conn)
    credentials = PausedReason.CREDENTIALS_REFUSED
    if end is end_outage:
        reddit_outages.pause(
            conn,
            client_id=CLIENT,
            reason=credentials,
            detail="",
            is_probe=False,
            now=T0 - 9 * SECOND,
        )
    claim = jobs.crawling(conn)  # the job meets the cause, which ends before the job is deferred
    end(conn, T0 - committed_after * SECOND)
    job_id = deferred(conn, reason, 60 * SECOND, claim=claim)
    assert without_cause(conn, now=T0) == [job_id]
    jobs.sweep(conn, now=T0 + 2 * SECOND)
    assert status(conn, job_id) is JobStatus.QUEUED
    assert without_cause(conn, now=T0 + 2 * SECOND) == []


@pytest.mark.parametrize("earlier_attempts", [0, 1])
def test_an_end_frees_a_job_only_once(conn: Connection, earlier_attempts: int) -> None:
    reserve(conn)
    end_by_token(conn, T0 - 6 * SECOND)
    job_id = deferred(conn, WaitReason.RATE_LIMIT, 60 * SECOND)
    conn.execute(
        text("""
            INSERT INTO crawl_job_attempts (id, job_id, worker, started_at, ended_at, outcome)
            OVERRIDING SYSTEM VALUE
            SELECT -number, :job_id, 'w', :earlier, :earlier, 'deferred'
            FROM generate_series(1, :earlier_attempts) AS number
        """),
        {"job_id": job_id, "earlier": T0 - 10 * SECOND, "earlier_attempts": earlier_attempts},
    )
    jobs.sweep(conn, now=T0 + 2 * SECOND)
    assert jobs.waits(conn, job_id) == (WaitReason.RATE_LIMIT, T0 + 60 * SECOND)
    assert without_cause(conn, now=T0 + 2 * SECOND) == []


def test_a_job_deferred_after_one_end_waits_while_another_cause_holds(conn: Connection) -> None:
    reserve(conn)
    claim = jobs.crawling(conn)
    end_by_token(conn, T0)
    reddit_pauses.pause_all(conn, client_id=CLIENT, seconds=300, now=T0)
    job_id = deferred(conn, WaitReason.RATE_LIMIT, 300 * SECOND, claim=claim)
    jobs.sweep(conn, now=T0 + 2 * SECOND)
    assert jobs.waits(conn, job_id)[0] is WaitReason.RATE_LIMIT
    assert without_cause(conn, now=T0 + 2 * SECOND) == []
