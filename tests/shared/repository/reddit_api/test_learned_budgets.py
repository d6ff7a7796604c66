"""What a reply of Reddit changes in the budget, and which jobs it frees."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.domain.request_budget import BudgetReport, Slot
from crawljobs.repository.reddit_api import budget_overview, reddit_budgets, slot_reservation
from support import jobs
from support.jobs import T0
from support.parked import deferred, status

SECOND = timedelta(seconds=1)
CLIENT = "client"
FREE_AT = T0 + 60 * SECOND  # the time of the next slot before the reply


def learn(
    conn: Connection, *, used: int, remaining: int, reset: int = 600, after: float = 0
) -> dict[str, Any]:
    """Return the changed columns of the budget after a reply to its fifth request."""
    reddit_budgets.learn_from_reply(
        conn,
        client_id=CLIENT,
        slot=Slot(0.0, taken=True, number=5, others=2),
        report=BudgetReport(used=used, remaining=remaining, reset_seconds=reset),
        now=T0 + after * SECOND,
    )
    row = conn.execute(text("SELECT * FROM reddit_budgets WHERE client_id = :c"), {"c": CLIENT})
    before = {
        "requests_per_window": 1000,
        "reserved": 20,
        "others": 4,
        "next_slot_at": FREE_AT,
        "waits_ended_at": None,
    }
    found = row.one()._mapping
    return {name: found[name] for name, value in before.items() if found[name] != value}


@pytest.fixture(autouse=True)
def budget(conn: Connection) -> None:
    """A window that began at T0, with 20 reserved slots, 4 of them for other programs."""
    for client in (CLIENT, "other"):
        slot_reservation.reserve_slot(conn, client_id=client, longest_wait=1, now=T0)
    conn.execute(
        text("UPDATE reddit_budgets SET reserved = 20, others = 4, next_slot_at = :at"),
        {"at": FREE_AT},
    )


@pytest.mark.parametrize(
    ("used", "new"),
    [
        (5, 0),  # as many as when the slot was reserved
        (7, 0),  # two more, which were stored since
        (8, 1),
        (15, 8),
    ],
)
def test_requests_of_others_that_are_not_stored_are_added(
    conn: Connection, used: int, new: int
) -> None:
    changed = learn(conn, used=used, remaining=1000 - used)
    assert changed == ({"reserved": 20 + new, "others": 4 + new} if new else {})


@pytest.mark.parametrize(
    ("reset", "after", "counts"),
    [
        (600, 0, True),
        (301, 0, True),
        (300, 0, False),  # half a window from the end of the stored one
        (899, 0, True),
        (900, 0, False),
        (301, 299, True),
        (0, 301, True),
        (0, 300, False),
    ],
)
def test_a_reply_of_another_window_adds_no_requests(
    conn: Connection, reset: int, after: float, counts: bool
) -> None:
    changed = learn(conn, used=10, remaining=990, reset=reset, after=after)
    assert changed == ({"reserved": 23, "others": 7} if counts else {})


def test_a_new_limit_of_another_window_is_stored_without_its_requests(conn: Connection) -> None:
    assert learn(conn, used=99, remaining=1, reset=0) == {"requests_per_window": 100}


@pytest.mark.parametrize(
    ("used", "remaining", "cap"),
    [
        (0, 999, 999),
        (7, 1, 8),
        (7, 0, 7),  # a smaller limit counts, even if no request remains
        (9, 1_001, 1_010),
        (1_010, 0, 1_000),  # no request remains: the window may be overspent
    ],
)
def test_the_limit_is_that_of_the_reply(
    conn: Connection, used: int, remaining: int, cap: int
) -> None:
    learn(conn, used=used, remaining=remaining, reset=0)
    rows = conn.execute(text("SELECT client_id, requests_per_window FROM reddit_budgets"))
    assert {row.client_id: row.requests_per_window for row in rows} == {CLIENT: cap, "other": 1000}


@pytest.mark.parametrize(
    ("remaining", "after", "freed"),
    [
        (993, 0, False),  # the same limit
        (992, 0, False),
        (994, 0, True),
        (994, 70, False),  # the slot was free before the reply
    ],
)
def test_a_larger_limit_moves_the_next_slot_to_now_and_frees_the_jobs(
    conn: Connection, remaining: int, after: float, freed: bool
) -> None:
    job_id = deferred(conn, WaitReason.RATE_LIMIT, 60 * SECOND)
    changed = learn(conn, used=7, remaining=remaining, after=after)
    assert ("next_slot_at" in changed) is freed
    assert changed.get("waits_ended_at") == (T0 + after * SECOND if remaining == 994 else None)
    assert status(conn, job_id) is (JobStatus.QUEUED if freed else JobStatus.WAITING)


def test_jobs_that_wait_for_reddit_are_counted_exactly_up_to_a_thousand(conn: Connection) -> None:
    conn.execute(
        text("""
            WITH made AS (
                INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, 1000) AS n
                RETURNING id)
            INSERT INTO crawl_jobs (subreddit_id, status, wait_reason, source, priority,
                base_priority, visible_at)
            SELECT id, 'waiting', CASE WHEN id % 4 = 0 THEN 'outage' ELSE 'rate_limit' END, 'user',
                5, 5, now() FROM made
            """)
    )
    jobs.enqueue(conn, "later", visible_at=T0 + 60 * SECOND)  # waits for no cause
    waiting, is_capped = budget_overview.count_waiting(conn)
    assert (sum(waiting.values()), waiting[WaitReason.OUTAGE], is_capped) == (1000, 250, False)
    conn.execute(text("UPDATE crawl_jobs SET wait_reason = 'outage' WHERE wait_reason = 'later'"))
    _, is_capped = budget_overview.count_waiting(conn)
    assert is_capped


def test_workers_count_for_a_minute_after_their_heartbeat(conn: Connection) -> None:
    for name, role, age in (
        ("w1", "crawler-worker", 59.9),
        ("w2", "crawler-worker", 60),
        ("s1", "scheduler", 0),
    ):
        conn.execute(
            text("INSERT INTO service_instances (name, role, version, details, seen_at) "
                 "VALUES (:name, :role, '1', '{}', :at)"),
            {"name": name, "role": role, "at": T0 - age * SECOND},
        )  # fmt: skip
    assert budget_overview.overview(conn, now=T0).workers_alive == 1
