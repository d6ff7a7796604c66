"""Which comment trees are worth a request: comments are missing that may still come."""

from datetime import UTC, datetime, timedelta

import pytest

from crawljobs.db.database import Connection
from crawljobs.repository import crawled_trees
from support.crawled import comment, post, store

LATER, EARLIER = (datetime.now(UTC) + sign * timedelta(days=1) for sign in (1, -1))


def is_wanted(
    conn: Connection, *, shown: int = 3, at_most: int = 500, finished_at: datetime | None = None
) -> bool:
    return crawled_trees.wanting(
        conn, shown={"p1": shown}, at_most=at_most, finished_at=finished_at
    ) == {"p1"}


@pytest.mark.parametrize(
    ("shown", "finished_at", "wanted"),
    [
        (3, None, True),  # no crawl has come to its end
        (3, EARLIER, True),  # stored since the last one that did
        (3, LATER, False),  # the number is as it was then
        (4, LATER, True),
    ],
)
def test_a_tree_is_wanted_when_its_post_has_changed_since_the_last_whole_crawl(
    conn: Connection, shown: int, finished_at: datetime | None, wanted: bool
) -> None:
    store(conn, post("p1", num_comments=3))
    assert is_wanted(conn, shown=shown, finished_at=finished_at) is wanted


def test_a_tree_is_not_wanted_when_all_its_comments_are_stored(conn: Connection) -> None:
    store(conn, post("p1", num_comments=3), comment("c1"), comment("c2"))
    assert is_wanted(conn)
    assert not is_wanted(conn, at_most=2)  # no more are fetched of one tree
    store(conn, comment("c3"))
    assert not is_wanted(conn)


def test_a_tree_that_was_fetched_is_not_wanted_until_its_number_changes(conn: Connection) -> None:
    store(conn, post("p1", num_comments=3))
    crawled_trees.record(conn, post_id="p1", reported=3, missing=3)
    assert not is_wanted(conn)
    assert is_wanted(conn, shown=4)


def test_a_post_that_is_not_stored_is_wanted_when_it_has_comments(conn: Connection) -> None:
    assert is_wanted(conn)
    assert not is_wanted(conn, shown=0)
    assert crawled_trees.wanting(conn, shown={}, at_most=9, finished_at=None) == set()
