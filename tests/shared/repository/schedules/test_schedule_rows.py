"""Schedules are edited, filtered and estimated by the exact values of their rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.repository.schedules import schedule_changes, schedule_quota, schedule_reads
from support import schedule_rows as rows

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_edit_that_means_the_same_writes_nothing(conn: Connection) -> None:
    made = rows.create(conn, now=NOON, cron_expression="0 6 * * *")
    order = replace(made.spec(), cron_expression="  0   6 * * * ")
    changed = schedule_changes.change_schedule(conn, before=made, order=order, now=NOON + HOUR)
    assert changed == made
    assert rows.reload(conn, made) == made


def test_an_edit_to_an_unknown_subreddit_is_no_taken_name(conn: Connection) -> None:
    made = rows.create(conn, now=NOON)
    order = replace(made.spec(), subreddit_id=2**40)
    with pytest.raises(IntegrityError, match="subreddit_id"):
        schedule_changes.change_schedule(conn, before=made, order=order, now=NOON)


def test_a_subreddit_of_a_schedule_is_new_at_depth_0_and_must_have_a_proper_name(
    conn: Connection,
) -> None:
    known = schedule_changes.subreddit_id_of(conn, subreddit="python")
    depth = conn.execute(text("SELECT depth FROM subreddits")).scalar_one()
    assert depth == 0
    conn.execute(text("UPDATE subreddits SET name = 'b.b:b'"))
    with pytest.raises(errors.InvalidSubredditName):
        schedule_changes.subreddit_id_of(conn, subreddit=known)


def test_schedules_are_filtered_by_state_and_subreddit(conn: Connection) -> None:
    conn.execute(
        text(
            "INSERT INTO subreddits (id, name) OVERRIDING SYSTEM VALUE "
            "VALUES (1, 'Python'), (2, 'rust')"
        )
    )
    for number, subreddit_id, enabled, reason in (
        (1, 1, True, None), (2, 1, False, "no cron"), (3, 2, True, None), (4, 2, False, None),
    ):  # fmt: skip
        conn.execute(
            text(
                "INSERT INTO scheduled_jobs (id, name, subreddit_id, cron_expression, enabled, "
                "next_run_at, disabled_reason) OVERRIDING SYSTEM VALUE "
                "VALUES (:id, :name, :of, '@daily', :enabled, :at, :reason)"
            ),
            {"id": number, "name": f"s{number}", "of": subreddit_id, "enabled": enabled,
             "at": NOON, "reason": reason},
        )  # fmt: skip

    def ids(**filters: object) -> list[int]:
        found = schedule_reads.list_schedules(conn, limit=100, **filters)  # type: ignore[arg-type]
        return [one.id for one in found]

    assert ids() == [1, 2, 3, 4]
    assert ids(after_id=2) == [3, 4]
    assert ids(enabled=True) == [1, 3]
    assert ids(broken=True) == [2]
    assert ids(broken=False) == [1, 3, 4]
    assert ids(subreddit_id=2) == [3, 4]
    assert ids(subreddit="PYTHON") == [1, 2]
    assert ids(subreddit="golang") == []
    assert ids(subreddit="python", enabled=False) == [2]


def test_a_crawl_without_a_request_counts_and_a_client_id_of_yesterday_does_not(
    conn: Connection,
) -> None:
    made = rows.create(conn, "hourly")
    for requests in (0, 10):
        conn.execute(
            text(
                "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, "
                "finished_at, checkpoint) VALUES (:id, 'succeeded', 1, 1, 'user', now(), "
                "jsonb_build_object('requests', CAST(:requests AS int)))"
            ),
            {"id": made.subreddit_id, "requests": requests},
        )
    conn.execute(
        text(
            "INSERT INTO reddit_budgets (client_id, next_slot_at, requests_per_window, "
            "window_seconds) VALUES ('one', :noon, 60, 60), ('two', :yesterday, 60, 60)"
        ),
        {"noon": NOON, "yesterday": NOON - 24 * HOUR},
    )
    quota = schedule_quota.estimate(conn)
    assert quota.estimated_requests_per_day == 24 * 5
    assert quota.daily_request_budget == int(86_400 * 0.97)
