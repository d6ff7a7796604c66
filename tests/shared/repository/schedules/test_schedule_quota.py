"""The requests that all enabled schedules need, estimated from recent crawls."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain import schedule_limit as rules
from crawljobs.repository.reddit_api import slot_reservation
from crawljobs.repository.schedules import schedule_changes, schedule_quota
from support import schedule_rows as rows


def estimated(conn: Connection) -> int:
    return schedule_quota.estimate(conn).estimated_requests_per_day


def crawled(conn: Connection, subreddit: str, checkpoint: Any, status: str = "succeeded") -> None:
    conn.execute(
        text("""
            INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,
                finished_at, checkpoint)
            VALUES (:subreddit, :status, 1, 1, 'user', now(), CAST(:checkpoint AS jsonb))
            """),
        {
            "subreddit": schedule_changes.subreddit_id_of(conn, subreddit=subreddit),
            "status": status,
            "checkpoint": None if checkpoint is None else json.dumps(checkpoint),
        },
    )


def test_without_schedules_nothing_is_asked(conn: Connection) -> None:
    quota = schedule_quota.estimate(conn)
    assert (quota.estimated_requests_per_day, quota.warning) == (0, None)
    assert quota.daily_request_budget == 139_680


def test_before_any_crawl_each_run_counts_as_the_default(conn: Connection) -> None:
    rows.create(conn, "hourly")
    rows.create(conn, "off", enabled=False)
    assert estimated(conn) == 24 * rules.DEFAULT_REQUESTS_PER_CRAWL


def test_a_run_counts_as_the_average_crawl_of_its_subreddit(conn: Connection) -> None:
    rows.create(conn, "hourly", subreddit="python")
    rows.create(conn, "daily", subreddit="rust", cron_expression="@daily")
    for requests in (10, 20):
        crawled(conn, "python", {"requests": requests})
    crawled(conn, "rust", {"requests": 300})
    assert estimated(conn) == 24 * 15 + 300


def test_a_subreddit_not_crawled_lately_counts_as_the_average_of_the_others(
    conn: Connection,
) -> None:
    rows.create(conn, "hourly", subreddit="golang")
    crawled(conn, "python", {"requests": 10})
    crawled(conn, "rust", {"requests": 30})
    assert estimated(conn) == 24 * 20


@pytest.mark.parametrize(
    "checkpoint",
    [None, {}, [], "x", {"requests": "many"}, {"requests": -5}, {"requests": 10**400}, {"v": 9}],
)
def test_a_checkpoint_that_tells_no_number_is_left_out(conn: Connection, checkpoint: Any) -> None:
    rows.create(conn, "hourly", subreddit="python")
    crawled(conn, "python", checkpoint)
    crawled(conn, "python", {"requests": 7})
    crawled(conn, "python", {"requests": 999}, status="failed")
    assert estimated(conn) == 24 * 7


def test_a_rate_that_nobody_computed_counts_as_once_a_day(conn: Connection) -> None:
    rows.make(conn, runs_per_day=None)
    assert estimated(conn) == rules.DEFAULT_REQUESTS_PER_CRAWL


def test_the_budget_is_what_replies_told_of_the_clients_in_use(conn: Connection) -> None:
    for client in ("one", "two", "retired"):
        slot_reservation.reserve_slot(conn, client_id=client, longest_wait=1)
    conn.execute(text("UPDATE reddit_budgets SET requests_per_window = 60, window_seconds = 60"))
    conn.execute(
        text("""
            UPDATE reddit_budgets SET next_slot_at = now() - interval '2 days'
            WHERE client_id = 'retired'
            """)
    )
    assert schedule_quota.estimate(conn).daily_request_budget == int(2 * 86_400 * 0.97)


def test_warns_when_schedules_ask_for_more_than_there_is(conn: Connection) -> None:
    slot_reservation.reserve_slot(conn, client_id="one", longest_wait=1)
    conn.execute(text("UPDATE reddit_budgets SET requests_per_window = 1, window_seconds = 60"))
    rows.create(conn, "hourly")
    warning = schedule_quota.estimate(conn).warning
    assert warning is not None
    assert "2400 requests a day" in warning
