"""The activity of a subreddit is computed from its newest items of the last weeks."""

from datetime import UTC, datetime, timedelta

import pytest

from crawljobs.db.database import Connection
from crawljobs.domain import revisit
from crawljobs.repository.content import recent_activity, stored_subreddits
from support.crawled import comment, post, store

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DAYS = revisit.NEWEST_WITHIN / DAY  # few items are averaged over all these days


def activity(conn: Connection) -> revisit.Activity:
    (found,) = stored_subreddits.ensure(
        conn, names=["python"], discovered_from=None, depth=0
    ).values()
    return recent_activity.activity(conn, subreddit_id=found, now=NOW)


def test_items_of_the_last_weeks_are_counted_and_others_are_not(conn: Connection) -> None:
    store(
        conn,
        post("p1", created_at=NOW - DAY),
        post("p2", created_at=NOW - 3 * HOUR),
        post("p3", created_at=NOW - revisit.NEWEST_WITHIN - HOUR),
        post("p4", created_at=NOW + HOUR),
    )
    assert activity(conn).per_day == pytest.approx(2 / DAYS)


def test_the_busier_kind_of_item_decides(conn: Connection) -> None:
    store(
        conn,
        post("p1", created_at=NOW - DAY),
        *(comment(f"c{n}", created_at=NOW - DAY) for n in range(5)),
    )
    assert activity(conn).per_day == pytest.approx(5 / DAYS)


def test_posts_of_the_last_weeks_are_counted_by_their_hour(conn: Connection) -> None:
    store(
        conn,
        post("p1", created_at=NOW - HOUR),
        post("p2", created_at=NOW - DAY - HOUR),
        post("p3", created_at=NOW - 2 * HOUR),
        post("p4", created_at=NOW - revisit.RHYTHM_WITHIN - HOUR),
        post("p5", created_at=NOW + HOUR),
    )
    by_hour = activity(conn).by_hour
    assert (by_hour[11], by_hour[10], sum(by_hour)) == (2, 1, 3)


def test_nothing_stored_is_no_activity(conn: Connection) -> None:
    assert activity(conn) == revisit.Activity(per_day=0.0, by_hour=(0,) * 24)
