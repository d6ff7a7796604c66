"""A job waits for a cause until the exact time when the cause ends."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.domain.request_budget import LONGEST_SLOT_WAIT_SECONDS
from crawljobs.repository.queue import parked_jobs, queue_pauses
from crawljobs.repository.queue.maintenance import job_maintenance
from crawljobs.repository.reddit_api import reddit_tokens
from support import jobs
from support.jobs import T0
from support.parked import DAY, HOUR, SECOND, crawl_gap, crawled, deferred, pause, scope_of

MOMENT = timedelta(microseconds=1)
GRACE = 10 * SECOND
SLOT_WAIT = LONGEST_SLOT_WAIT_SECONDS
# The offsets from now of a client id: outage_until, paused_until and next_slot_at.
Client = tuple[float | None, float | None, float]


def budgets(conn: Connection, clients: list[Client]) -> None:
    for number, offsets in enumerate(clients):
        outage, paused, slot = (
            None if offset is None else T0 + timedelta(seconds=offset) for offset in offsets
        )
        conn.execute(
            text(
                "INSERT INTO reddit_budgets (client_id, outage_until, paused_until, next_slot_at) "
                "VALUES (:id, :outage, :paused, :slot)"
            ),
            {"id": f"client-{number}", "outage": outage, "paused": paused, "slot": slot},
        )


@pytest.mark.parametrize(
    ("clients", "reason", "seconds"),
    [
        ([], None, 0),
        ([(None, None, 0)], None, 0),
        ([(None, 40, 0)], WaitReason.RATE_LIMIT, 40),
        ([(None, 0, 0)], None, 0),  # the pause ends now
        ([(50, None, 0)], WaitReason.OUTAGE, 50),
        ([(0, 40, 0)], WaitReason.RATE_LIMIT, 40),  # the outage ends now
        ([(10, 40, 0)], WaitReason.OUTAGE, 40),  # the later end counts
        ([(40, 10, 0)], WaitReason.OUTAGE, 40),
        ([(None, 90, 0)], WaitReason.RATE_LIMIT, 60),  # parked for a minute at most
        ([(None, None, SLOT_WAIT)], None, 0),  # the next slot is near
        ([(None, None, SLOT_WAIT + 20)], WaitReason.RATE_LIMIT, 20),
        ([(50, None, 0), (None, None, 0)], None, 0),  # one client id is enough
        ([(50, None, 0), (None, 30, 0)], WaitReason.RATE_LIMIT, 30),
        ([(50, None, 0), (20, None, 0)], WaitReason.OUTAGE, 20),
        ([(50, None, 0), (None, None, -86_400)], WaitReason.OUTAGE, 50),  # used a day ago
        ([(50, None, 0), (None, None, -86_399)], None, 0),
    ],
)
def test_a_due_job_waits_on_while_no_client_id_may_ask_reddit(
    conn: Connection, clients: list[Client], reason: WaitReason | None, seconds: int
) -> None:
    job_id = deferred(conn, WaitReason.RATE_LIMIT, timedelta())
    budgets(conn, clients)
    assert job_maintenance.requeue_due_jobs(conn, now=T0) == 1
    job = jobs.job(conn, job_id)
    assert (job.wait_reason, job.visible_at) == (reason, T0 + seconds * SECOND)


def test_a_job_waits_for_the_first_of_two_causes(conn: Connection) -> None:
    crawled(conn)
    crawl_gap(conn, 40 * SECOND)
    pause(conn, until=T0 + 20 * SECOND)
    job_id = jobs.enqueue(conn)
    conn.execute(
        text("UPDATE crawl_jobs SET wait_reason = 'politeness', visible_at = :at"),
        {"at": T0 + 9 * SECOND},
    )
    assert parked_jobs.settle_parked_jobs(conn, now=T0 + SECOND) == 1
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, T0 + 20 * SECOND)


def waits_for_a_pause(conn: Connection) -> None:
    pause(conn, until=T0 + GRACE)
    jobs.enqueue(conn)
    queue_pauses.pause(conn, scope=scope_of(conn, "rust"), reason="r", paused_by="ops", now=T0)


def waits_for_politeness(conn: Connection) -> None:
    crawled(conn)
    crawl_gap(conn, GRACE)
    jobs.enqueue(conn)
    conn.execute(text("UPDATE crawl_jobs SET visible_at = :at"), {"at": T0 + 50 * SECOND})


def waits_for_reddit(conn: Connection) -> None:
    budgets(conn, [(None, None, 0)])
    claim = jobs.crawling(conn)
    reddit_tokens.keep(conn, client_id="client-0", token="t", lives=3600, now=T0 + GRACE)
    deferred(conn, WaitReason.OUTAGE, 50 * SECOND, claim=claim)


def waits_for_later(conn: Connection) -> None:
    jobs.enqueue(conn, visible_at=T0 + GRACE - MOMENT)


@pytest.mark.parametrize(
    "wait", [waits_for_a_pause, waits_for_politeness, waits_for_reddit, waits_for_later]
)
def test_a_job_waits_without_a_cause_when_its_cause_was_over_for_the_grace(
    conn: Connection, wait: Callable[[Connection], None]
) -> None:
    wait(conn)
    for at, found in ((T0 + 2 * GRACE - MOMENT, 0), (T0 + 2 * GRACE, 1)):
        assert len(parked_jobs.waiting_without_cause(conn, grace=GRACE, now=at)) == found


@pytest.mark.parametrize("since", [GRACE, GRACE + MOMENT])
def test_a_parked_job_is_overdue_when_it_was_visible_for_longer_than_the_grace(
    conn: Connection, since: timedelta
) -> None:
    pause(conn)
    jobs.enqueue(conn)
    conn.execute(text("UPDATE crawl_jobs SET visible_at = :at"), {"at": T0})
    found = parked_jobs.waiting_without_cause(conn, grace=GRACE, now=T0 + since)
    assert len(found) == (since > GRACE)


def named(conn: Connection, found: list[parked_jobs.WaitingWithoutCause]) -> list[str]:
    return [jobs.job(conn, one.job_id).subreddit for one in found]


def test_the_most_overdue_jobs_come_first_also_when_few_are_read(conn: Connection) -> None:
    for name, seconds in (("b2", 2), ("a1", 1), ("c3", 3), ("d3", 3)):
        jobs.enqueue(conn, name, visible_at=T0 + seconds * SECOND)
    jobs.enqueue(conn, "queued", now=T0 - HOUR)
    at = T0 + HOUR
    found = parked_jobs.waiting_without_cause(conn, now=at)
    assert named(conn, found) == ["a1", "b2", "c3", "d3"]
    assert [one.visible_at for one in found] == [T0 + n * SECOND for n in (1, 2, 3, 3)]
    assert {one.wait_reason for one in found} == {WaitReason.LATER}
    assert [one.subreddit_id for one in found] == [
        jobs.job(conn, one.job_id).subreddit_id for one in found
    ]
    few = parked_jobs.waiting_without_cause(conn, scan_limit=1, now=at)
    assert named(conn, few) == ["a1"]


def parked_until(conn: Connection, name: str, until: datetime) -> None:
    """Park a job for a pause, and set its visible_at to a time that is too late."""
    queue_pauses.pause(conn, scope=scope_of(conn, name), reason="r", paused_by="ops", now=T0)
    job_id = jobs.enqueue(conn, name)
    assert jobs.job(conn, job_id).wait_reason is WaitReason.PAUSED
    conn.execute(
        text("UPDATE crawl_jobs SET visible_at = :at WHERE id = :id"), {"at": until, "id": job_id}
    )


def test_of_the_jobs_parked_for_too_long_the_longest_and_the_shortest_are_found_first(
    conn: Connection,
) -> None:
    jobs.enqueue(conn, "later", visible_at=T0 + HOUR)
    jobs.enqueue(conn, "much_later", visible_at=T0 + 90 * DAY)
    for days in (2, 1, 3, 4):
        parked_until(conn, f"days{days}", T0 + days * DAY)
    few = parked_jobs.waiting_without_cause(conn, scan_limit=1, now=T0)
    assert named(conn, few) == ["days1", "days4"]
    found = parked_jobs.waiting_without_cause(conn, now=T0)
    assert named(conn, found) == ["days1", "days2", "days3", "days4"]


def test_a_queued_job_keeps_the_time_at_which_it_became_claimable(conn: Connection) -> None:
    due = jobs.enqueue(conn, "due", visible_at=T0 + SECOND)
    pause(conn)
    freed = jobs.enqueue(conn)
    conn.execute(text("DELETE FROM queue_pauses"))
    jobs.sweep(conn, now=T0 + 9 * SECOND)
    seen = {job_id: jobs.job(conn, job_id) for job_id in (due, freed)}
    assert {job.status for job in seen.values()} == {JobStatus.QUEUED}
    assert seen[due].visible_at == T0 + SECOND
    assert seen[freed].visible_at == T0 + 9 * SECOND


IN_A_MINUTE = T0 + 60 * SECOND


@pytest.mark.parametrize(
    ("reason", "begun", "pause_ends", "gap", "clients", "seconds"),
    [
        (None, False, "never", 900, [(50, None, 0)], None),  # the job is queued
        ("later", False, "never", 900, [(500, None, 0)], 60),
        ("retry", True, 300, 900, [(500, None, 0)], 60),
        ("paused", False, 300, 900, [], 300),
        ("paused", False, 20, 900, [], 20),
        ("paused", False, "never", 900, [], None),
        ("paused", False, None, 900, [], 60),  # the pause was deleted
        ("politeness", False, 300, 900, [], 900),
        ("politeness", False, None, 20, [], 60),
        ("politeness", True, None, 900, [], 60),  # the crawl has begun
        ("outage", False, 300, 900, [(500, None, 0)], 500),
        ("outage", False, None, None, [(20, None, 0)], 60),
        ("rate_limit", False, None, None, [(200, 500, 0)], 500),
        ("rate_limit", False, None, None, [(None, None, SLOT_WAIT + 400)], 400),
        ("rate_limit", False, None, None, [(500, None, 0), (None, 200, 0)], 200),
        ("rate_limit", False, None, None, [(500, None, 0), (None, None, -86_400)], 500),
        ("rate_limit", False, None, None, [], 60),
    ],
)
def test_the_end_of_a_wait_is_that_of_its_cause(
    conn: Connection,
    reason: str | None,
    *,
    begun: bool,
    pause_ends: int | str | None,
    gap: int | None,
    clients: list[Client],
    seconds: int | None,
) -> None:
    job_id = jobs.enqueue(conn)
    budgets(conn, clients)
    for name, ends in (("python", pause_ends), ("rust", 5)):
        if ends is not None:
            until = None if ends == "never" else T0 + int(ends) * SECOND
            insert = "INSERT INTO queue_pauses (scope, reason, paused_by, until) "
            values = {"scope": scope_of(conn, name), "until": until}
            conn.execute(text(insert + "VALUES (:scope, 'r', 'ops', :until)"), values)
    conn.execute(
        text("UPDATE subreddits SET last_crawled_at = :now, min_crawl_gap_seconds = :gap"),
        {"now": T0, "gap": gap},
    )
    conn.execute(
        text(
            "UPDATE crawl_jobs SET status = :status, wait_reason = :reason, visible_at = :at, "
            "error_kind = :kind"
        ),
        {
            "status": "queued" if reason is None else "waiting",
            "reason": reason,
            "at": IN_A_MINUTE,
            "kind": "retryable" if begun else None,
        },
    )
    expected = None if seconds is None else T0 + seconds * SECOND
    assert jobs.job(conn, job_id).waits_until == expected
