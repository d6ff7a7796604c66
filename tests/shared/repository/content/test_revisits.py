"""The conditions under which a subreddit is stale, and its rate of new items, each tested alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain import revisit
from crawljobs.repository.content import recent_activity, revisits
from support import crawled
from support.jobs import T0

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def subreddit(conn: Connection, name: str, **values: Any) -> int:
    given = {"name": name, "access": "public", "last_crawled_at": T0 - 40 * DAY, **values}
    columns = ", ".join(given)
    marks = ", ".join(f":{column}" for column in given)
    made = conn.execute(
        text(f"INSERT INTO subreddits ({columns}) VALUES ({marks}) RETURNING id"), given
    )
    return int(made.scalar_one())


def stale(conn: Connection, **options: Any) -> list[str]:
    return revisits.stale(conn, after=30 * DAY, now=T0, **options)


@pytest.mark.parametrize(
    ("values", "is_stale"),
    [
        ({}, True),
        ({"last_crawled_at": T0 - 30 * DAY}, False),
        ({"last_crawled_at": T0 - 30 * DAY - SECOND}, True),
        ({"last_crawled_at": None}, False),
        ({"access": "restricted"}, True),
        ({"access": "unknown"}, True),
        ({"access": "private"}, False),
        ({"access": "not_found"}, False),
        ({"name": "popular"}, False),
        ({"name": "Popular"}, False),
        ({"name": "t:1337"}, False),
        ({"name": "u_someone"}, True),
    ],
)
def test_a_subreddit_is_stale_by_each_condition(
    conn: Connection, values: dict[str, Any], is_stale: bool
) -> None:
    given = {"name": "python", **values}
    subreddit(conn, **given)
    assert stale(conn) == [given["name"]] * is_stale


@pytest.mark.parametrize(("status", "is_stale"), [("queued", False),
                                                  ("cancelled", True)])  # fmt: skip
def test_a_live_job_looks_at_it_already(conn: Connection, status: str, is_stale: bool) -> None:
    conn.execute(
        text("INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, "
             "finished_at) VALUES (:id, :status, 1, 1, 'user', "
             "CASE WHEN :status = 'cancelled' THEN now() END)"),
        {"id": subreddit(conn, "python"), "status": status},
    )  # fmt: skip
    assert stale(conn) == ["python"] * is_stale


def test_those_crawled_longest_ago_come_first(conn: Connection) -> None:
    for name, days in (("second", 50), ("third", 40), ("first", 60)):
        subreddit(conn, name, last_crawled_at=T0 - days * DAY)
    assert stale(conn) == ["first", "second", "third"]
    assert stale(conn, at_most=2) == ["first", "second"]
    assert stale(conn, at_most=2, skip=1) == ["second", "third"]


def test_those_due_longest_are_taken_first(conn: Connection) -> None:
    for name, hours in (("second", 2), ("third", 1), ("first", 3), ("later", -1)):
        subreddit(conn, name, next_crawl_at=T0 - hours * HOUR)
    taken = [revisits.take_due(conn, at_most=1, now=T0) for _ in range(4)]
    assert taken == [["first"], ["second"], ["third"], []]
    rows = conn.execute(text("SELECT name, next_crawl_at FROM subreddits"))
    assert {row.name: row.next_crawl_at for row in rows} == {
        **dict.fromkeys(("first", "second", "third"), T0 + DAY),
        "later": T0 + HOUR,
    }


def test_a_subreddit_that_another_transaction_has_locked_is_not_taken(database: Database) -> None:
    with database.begin() as conn:
        for name in ("free", "locked"):
            subreddit(conn, name, next_crawl_at=T0)
    with database.begin() as holder:
        holder.execute(text("SELECT FROM subreddits WHERE name = 'locked' FOR UPDATE"))
        with database.begin() as conn:
            conn.execute(text("SET LOCAL lock_timeout = '2s'"))
            assert revisits.take_due(conn, now=T0) == ["free"]


def store(conn: Connection, subreddit: str, kind: str, times: list[datetime]) -> None:
    make = {"posts": crawled.post, "comments": crawled.comment}[kind]
    for number, time in enumerate(times):
        crawled.store(conn, make(f"{subreddit[0]}{number}", subreddit=subreddit, created_at=time))


def id_of(conn: Connection, name: str) -> int:
    found = conn.execute(text("SELECT id FROM subreddits WHERE name = :n"), {"n": name})
    return int(found.scalar_one())


@pytest.mark.parametrize("kind", ["posts", "comments"])
def test_the_rate_is_that_of_the_busier_kind_within_two_weeks(conn: Connection, kind: str) -> None:
    edge = T0 - revisit.NEWEST_WITHIN
    times = [T0, T0 - DAY, T0 - 2 * DAY, edge + SECOND]
    others = [edge, edge - DAY, T0 + SECOND]
    store(conn, "ours", kind, [*times, *others])
    store(conn, "theirs", kind, [T0 - HOUR] * 9)
    found = recent_activity.activity(conn, subreddit_id=id_of(conn, "ours"), now=T0)
    assert found.per_day == revisit.per_day(len(times), min(times), now=T0)
    assert found.per_day > 0


def test_the_rhythm_counts_posts_by_their_hour_within_eight_weeks(conn: Connection) -> None:
    edge = T0 - revisit.RHYTHM_WITHIN
    store(conn, "ours", "posts", [T0, T0 - 2 * HOUR, T0 - DAY, edge, edge + HOUR, T0 + HOUR])
    store(conn, "ours", "comments", [T0 - 5 * HOUR])
    store(conn, "theirs", "posts", [T0 - 3 * HOUR])
    found = recent_activity.activity(conn, subreddit_id=id_of(conn, "ours"), now=T0).by_hour
    hours = {hour: count for hour, count in enumerate(found) if count}
    assert hours == {T0.hour: 2, T0.hour - 2: 1, T0.hour + 1: 1}
