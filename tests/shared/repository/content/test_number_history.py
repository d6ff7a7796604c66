"""Former scores and numbers of subscribers are recorded when they change, and not more often."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.content_history import ContentHistory
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.content.page_storage import crawled_items, number_history
from support.crawled import about, comment, deleted_post, post, store
from support.jobs import T0

HOUR = timedelta(hours=1)
SCORES = ContentHistory(scores=30 * 24 * HOUR)
COUNTS = ContentHistory(counts=365 * 24 * HOUR)


def scores(conn: Connection) -> list[tuple[Any, ...]]:
    rows = conn.execute(
        text("SELECT post_id, score, num_comments FROM post_scores ORDER BY seen_at")
    )
    return [tuple(row) for row in rows]


def counts(conn: Connection) -> list[tuple[Any, ...]]:
    query = "SELECT subscribers, active FROM subreddit_counts ORDER BY seen_at"
    return [tuple(row) for row in conn.execute(text(query))]


def test_no_score_is_recorded_unless_the_setting_is_on(conn: Connection) -> None:
    store(conn, post())
    store(conn, post(score=11))
    assert scores(conn) == []


def test_a_score_is_recorded_at_the_first_look_and_at_each_change(conn: Connection) -> None:
    store(conn, post("p1"))  # before the setting was on
    for changes in ({}, {}, {"score": 11}, {"score": 11, "num_comments": 4}, {"title": "New"}):
        values = {"score": 11, "num_comments": 4} if "title" in changes else {}
        store(conn, post("p1", **{**values, **changes}), comment(), history=SCORES)
    assert scores(conn) == [("p1", 10, 3), ("p1", 11, 3), ("p1", 11, 4)]


@pytest.mark.parametrize("score", [None, 2**63 - 1, -5])
def test_any_score_is_recorded_once(conn: Connection, score: int | None) -> None:
    for _ in range(3):
        store(conn, post(score=score), history=SCORES)
    assert scores(conn) == [("p1", score, 3)]


def test_a_deleted_post_gets_no_further_score(conn: Connection) -> None:
    store(conn, post(), history=SCORES)
    store(conn, deleted_post(score=1), history=SCORES)
    assert scores(conn) == [("p1", 10, 3)]


def test_a_page_of_posts_records_each_score_in_one_statement(conn: Connection) -> None:
    store(conn, *(post(f"p{n}", score=n) for n in range(150)), history=SCORES)
    assert sorted(row[1] for row in scores(conn)) == list(range(150))


def test_a_look_at_a_subreddit_records_its_numbers(conn: Connection) -> None:
    page = Items(subreddits=(about(active=7), about("golang", subscribers=5)))
    crawled_items.store(conn, items=page, known_subreddits={})
    assert counts(conn) == []
    crawled_items.store(conn, items=page, known_subreddits={}, history=COUNTS)
    assert sorted(counts(conn)) == [(5, None), (100, 7)]


def test_the_numbers_of_a_subreddit_are_recorded_once_an_hour(conn: Connection) -> None:
    stored_subreddits.upsert(conn, abouts=[about("Python")])
    for minutes, subscribers in ((0, 100), (59, 200), (60, 300), (61, 400), (600, 300)):
        look = about("PYTHON", subscribers=subscribers)
        number_history.record_counts(conn, abouts=[look], now=T0 + timedelta(minutes=minutes))
    assert [row[0] for row in counts(conn)] == [100, 300, 300]


def test_a_subreddit_that_refuses_access_has_no_numbers(conn: Connection) -> None:
    page = Items(subreddits=(about(subscribers=None),))
    crawled_items.store(conn, items=page, known_subreddits={}, history=COUNTS)
    assert counts(conn) == []
