"""A comment tree is requested only if comments are missing that Reddit may still show."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.repository.content import crawled_trees
from crawljobs.repository.content.crawled_trees import TreeSummary
from support.crawled import CREATED, comment, post, store, tuples_written


def is_wanted(conn: Connection, *, shown: int = 3, at_most: int = 500) -> bool:
    return crawled_trees.wanting(conn, shown={"p1": shown}, at_most=at_most) == {"p1"}


def left(conn: Connection, **values: Any) -> dict[str, int]:
    subreddit_id = conn.execute(text("SELECT subreddit_id FROM posts LIMIT 1")).scalar_one()
    given = {"without": (), "at_most": 500, "limit": 25, **values}
    return crawled_trees.left(conn, subreddit_id=subreddit_id, **given)


def test_a_tree_is_wanted_when_comments_are_missing_whatever_changed_the_number(
    conn: Connection,
) -> None:
    """An author's history, or a refresh of older items, may have stored the new count already."""
    store(conn, post("p1", num_comments=3), comment("c1"))
    assert is_wanted(conn)
    crawled_trees.record(conn, post_id="p1", reported=3, missing=0, brought=3)
    store(conn, post("p1", num_comments=9))
    assert is_wanted(conn, shown=9)
    assert not is_wanted(conn, shown=3)


def test_a_tree_is_not_wanted_when_all_its_comments_are_stored(conn: Connection) -> None:
    store(conn, post("p1", num_comments=3), comment("c1"), comment("c2"))
    assert is_wanted(conn)
    assert not is_wanted(conn, at_most=2)  # at most 2 are fetched of a tree, and 2 are stored
    store(conn, comment("c3"))
    assert not is_wanted(conn)


@pytest.mark.parametrize(("reported", "wanted"), [(2, True), (3, False), (4, False), (None, True)])
def test_a_tree_that_was_fetched_is_wanted_again_for_a_larger_number_alone(
    conn: Connection, reported: int | None, wanted: bool
) -> None:
    """Reddit counts comments that it never shows. They must not cause a request in each crawl."""
    store(conn, post("p1", num_comments=3))
    crawled_trees.record(conn, post_id="p1", reported=reported, missing=0, brought=0)
    assert is_wanted(conn) is wanted
    assert left(conn) == ({"p1": 3} if wanted else {})


def test_a_post_that_is_not_stored_is_wanted_when_it_has_comments(conn: Connection) -> None:
    assert is_wanted(conn)
    assert not is_wanted(conn, shown=0)
    assert crawled_trees.wanting(conn, shown={}, at_most=9) == set()
    store(conn, comment("c1"), comment("c2"), comment("c3"))  # their post is not stored
    assert not is_wanted(conn)


def test_trees_that_were_left_are_those_with_most_comments(conn: Connection) -> None:
    numbers = {"p1": 3, "p2": 9, "p3": 0, "p4": None, "p5": 7, "p6": 1, "p7": 3}
    store(conn, *(post(name, num_comments=number) for name, number in numbers.items()))
    store(conn, comment("c1", post_id="p6"), post("q1", num_comments=8, subreddit="other"))
    assert list(left(conn).items()) == [("p2", 9), ("p5", 7), ("p1", 3), ("p7", 3)]
    assert left(conn, limit=1) == {"p2": 9}
    assert left(conn, without=("p2", "p5")) == {"p1": 3, "p7": 3}
    store(conn, comment("c2", post_id="p2"))
    assert set(left(conn, at_most=1)) == {"p1", "p5", "p7"}


def test_trees_that_were_left_are_looked_for_among_the_newest_posts(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = str(crawled_trees._LEFT).replace(f"LIMIT {crawled_trees.NEWEST}", "LIMIT 2")
    monkeypatch.setattr(crawled_trees, "_LEFT", text(statement))
    at = post("p1").created_at
    for n in range(4):
        store(conn, post(f"p{n}", num_comments=3, created_at=at.replace(year=2020 + n)))
    assert set(left(conn)) == {"p2", "p3"}


@pytest.mark.parametrize(
    ("reported", "known", "stored", "missing"),
    [
        (3, 0, 1, 2),  # Reddit counts 2 comments that it does not show
        (3, 2, 1, 2),
        (3, 5, 1, 5),  # the reply named 5 missing comments, more than Reddit counts
        (1, 0, 1, 0),
        (0, 0, 1, 0),
        (None, 1, 1, 1),
    ],
)
def test_what_reddit_counts_and_does_not_show_is_missing(
    conn: Connection, reported: int | None, known: int, stored: int, missing: int
) -> None:
    store(conn, post("p1", num_comments=reported), comment("c1"))
    crawled_trees.record(conn, post_id="p1", reported=reported, missing=known, brought=1)
    row = conn.execute(text("SELECT comments_stored, comments_missing FROM posts")).one()
    assert tuple(row) == (stored, missing)


@pytest.mark.parametrize(
    ("shown", "reported", "missing", "is_whole"),
    [(3, 3, 0, True), (3, 3, 1, False), (2, 3, 1, True), (1, 3, 1, True), (2, 3, 2, False),
     (4, 3, 0, False)],
)  # fmt: skip
def test_a_tree_is_whole_when_nothing_is_missing_of_the_number_that_is_shown(
    conn: Connection, shown: int, reported: int, missing: int, is_whole: bool
) -> None:
    store(conn, post("p1", num_comments=shown), *(comment(f"c{n}") for n in range(reported)))
    conn.execute(text("DELETE FROM comments WHERE id = 'c0'"))
    store(conn, comment("x1", post_id="p2"))
    crawled_trees.record(conn, post_id="p1", reported=reported, missing=missing, brought=reported)
    conn.execute(text("UPDATE posts SET comments_missing = :missing"), {"missing": missing})
    subreddit_id = conn.execute(text("SELECT subreddit_id FROM posts")).scalar_one()
    found = crawled_trees.summary(conn, subreddit_id=subreddit_id)
    assert found == TreeSummary(whole=int(is_whole), not_whole=int(not is_whole))


@pytest.mark.parametrize(
    ("later", "missing", "is_whole"), [(0, 3, False), (2, 1, False), (3, 0, True), (5, 0, True)]
)
@pytest.mark.parametrize("order", ["tree first", "others first"])
def test_comments_that_other_requests_store_are_missing_no_more(
    conn: Connection, later: int, missing: int, is_whole: bool, order: str
) -> None:
    """Listings and histories return comments that the tree has named, before or after the tree."""
    others = [comment(f"d{n}") for n in range(later)]
    store(conn, post("p1", num_comments=4), comment("c1"))
    if order == "others first":
        store(conn, *others)
    crawled_trees.record(conn, post_id="p1", reported=4, missing=3, brought=1)
    store(conn, *others)
    subreddit_id = conn.execute(text("SELECT subreddit_id FROM posts")).scalar_one()
    found = crawled_trees.summary(conn, subreddit_id=subreddit_id)
    assert found == TreeSummary(whole=int(is_whole), not_whole=int(not is_whole))
    assert crawled_trees.summary(conn, subreddit_id=subreddit_id) == found
    row = conn.execute(text("SELECT comments_stored, comments_missing FROM posts")).one()
    assert tuple(row) == (1 + later, missing)


def summary(conn: Connection) -> TreeSummary:
    subreddit_id = conn.execute(text("SELECT id FROM subreddits WHERE name = 'python'")).scalar()
    assert subreddit_id is not None
    return crawled_trees.summary(conn, subreddit_id=subreddit_id)


@pytest.mark.parametrize("shown", [None, 0])
def test_the_tree_of_a_post_without_comments_is_whole(conn: Connection, shown: int | None) -> None:
    store(conn, post("p1", num_comments=shown))
    assert summary(conn) == TreeSummary(whole=1, not_whole=0)


def test_a_tree_without_its_only_comment_is_left(conn: Connection) -> None:
    store(conn, post("p1", num_comments=1))
    assert summary(conn) == TreeSummary(whole=0, not_whole=1)
    assert left(conn) == {"p1": 1}
    store(conn, comment("c1"))
    assert summary(conn) == TreeSummary(whole=1, not_whole=0)
    assert left(conn) == {}


def test_a_summary_counts_the_newest_thousand_posts_of_its_subreddit(conn: Connection) -> None:
    """The missing comments of other posts are not counted again."""
    day = timedelta(days=1)
    store(
        conn,
        post("oldest", num_comments=1, created_at=CREATED - day),
        post("theirs", num_comments=1, created_at=CREATED + day, subreddit="rust"),
        post("newest", num_comments=1, created_at=CREATED + day),
    )
    for post_id in ("oldest", "theirs", "newest"):
        crawled_trees.record(conn, post_id=post_id, reported=1, missing=1, brought=0)
        store(conn, comment(f"c{post_id}"[:13], post_id=post_id))
    conn.execute(
        text("""
            INSERT INTO posts (id, subreddit_id, num_comments, created_at)
            SELECT 'n' || n, subreddit_id, 2, created_at - n * interval '1 second'
            FROM posts, generate_series(1, 999) AS n WHERE id = 'newest'
            """)
    )
    assert summary(conn) == TreeSummary(whole=1, not_whole=999)
    missing = conn.execute(text("SELECT id FROM posts WHERE comments_missing > 0 ORDER BY id"))
    assert missing.scalars().all() == ["oldest", "theirs"]


@pytest.mark.parametrize(("number", "is_whole"), [(1_000, True), (1_001, False)])
def test_the_stored_comments_of_a_post_are_counted_up_to_a_thousand(
    conn: Connection, number: int, is_whole: bool
) -> None:
    """A larger tree counts as whole after it was fetched."""
    store(conn, post("p1", num_comments=number))
    conn.execute(
        text("""
            INSERT INTO comments (id, post_id, parent_id, subreddit_id, created_at)
            SELECT 'c' || n, 'p1', 't3_p1', subreddit_id, created_at
            FROM posts, generate_series(1, :number) AS n
            """),
        {"number": number},
    )
    assert summary(conn) == TreeSummary(whole=int(is_whole), not_whole=int(not is_whole))
    crawled_trees.record(conn, post_id="p1", reported=number, missing=0, brought=number)
    assert summary(conn) == TreeSummary(whole=1, not_whole=0)


def test_comments_that_were_deleted_since_do_not_change_what_is_missing(conn: Connection) -> None:
    store(conn, post("p1", num_comments=4), comment("c1"), comment("c2"))
    crawled_trees.record(conn, post_id="p1", reported=4, missing=2, brought=2)
    conn.execute(text("DELETE FROM comments WHERE id = 'c1'"))
    summary(conn)
    row = conn.execute(text("SELECT comments_stored, comments_missing FROM posts")).one()
    assert tuple(row) == (2, 2)


def test_a_summary_writes_no_post_whose_comments_are_all_stored(conn: Connection) -> None:
    store(conn, post("p1", num_comments=1), comment("c1"), post("p2", num_comments=2))
    for post_id, missing in (("p1", 0), ("p2", 2)):
        crawled_trees.record(conn, post_id=post_id, reported=missing, missing=missing, brought=0)
    store(conn, comment("c2"))
    before = tuples_written(conn)
    summary(conn)
    assert tuples_written(conn) == before


def test_a_tree_is_not_recorded_while_another_transaction_holds_its_post(
    database: Database,
) -> None:
    with database.begin() as conn:
        store(conn, post("p1", num_comments=1))
    fetched = "SELECT tree_fetched_at IS NOT NULL FROM posts"
    with database.begin() as holder:
        holder.execute(text("SELECT FROM posts FOR UPDATE"))
        with database.begin() as conn:
            conn.execute(text("SET LOCAL lock_timeout = '2s'"))
            crawled_trees.record(conn, post_id="p1", reported=1, missing=1, brought=0)
            assert conn.execute(text(fetched)).scalar_one() is False
    with database.begin() as conn:
        crawled_trees.record(conn, post_id="p1", reported=1, missing=1, brought=0)
        store(conn, comment("c1"))
    with database.begin() as holder:
        holder.execute(text("SELECT FROM posts FOR UPDATE"))
        with database.begin() as conn:
            conn.execute(text("SET LOCAL lock_timeout = '2s'"))
            summary(conn)
            missing = conn.execute(text("SELECT comments_missing FROM posts")).scalar_one()
            assert missing == 1


def test_the_counts_of_a_post_are_those_of_its_own_comments(conn: Connection) -> None:
    store(conn, post("p1", num_comments=3), post("p2", num_comments=None), comment("c1"))
    found = crawled_trees.counts(conn, post_ids=["p1", "p2", "p9"])
    assert [(found.stored(one), found.reported(one)) for one in ("p1", "p2", "p9")] == [
        (1, 3), (0, 0), (0, 0),
    ]  # fmt: skip
