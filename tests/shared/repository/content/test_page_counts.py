"""What a page of items adds to the counts of authors and to the evidence of discovery."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.reddit_items import Account
from crawljobs.repository.content.page_storage.crawled_items import Stored
from crawljobs.repository.content.page_storage.item_upsert import Written
from support.crawled import CREATED, comment, deleted_post, post, store, tuples_written

DAY = timedelta(days=1)
ANN, BOB = Account("ann"), Account("bob")
# Two authors, and items whose author is gone. As evidence, all items without an author count as
# those of one more author.
POSTS = [
    post("p1", author=ANN, mentions=("rust",), crossposted_from="golang", created_at=CREATED),
    post("p2", author=ANN, mentions=("rust", "zig"), created_at=CREATED + 2 * DAY),
    post("p3", author=ANN, created_at=CREATED + DAY),
    post("p4", author=None, mentions=("rust",), crossposted_from="golang"),
    post("p5", author=None, mentions=("rust",)),
    post("p6", author=BOB, crossposted_from="golang", created_at=CREATED + 5 * DAY),
]
COMMENTS = [
    comment("c1", author=ANN, mentions=("rust",), created_at=CREATED + DAY),
    comment("c2", author=ANN, mentions=("rust",), created_at=CREATED + 9 * DAY),
    comment("c3", author=ANN, created_at=CREATED - DAY),
    comment("c4", author=None, mentions=("rust", "zig")),
]


@pytest.fixture(autouse=True)
def first_author(conn: Connection) -> None:
    """The author with the id 1 is another one than the authors that are gone."""
    conn.execute(text("SELECT nextval(pg_get_serial_sequence('authors', 'id'))"))
    conn.execute(text("INSERT INTO authors (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'ann')"))


def edges(conn: Connection) -> dict[str, tuple[Any, ...]]:
    """For each author: the numbers of posts and comments, the first day and the last day."""
    rows = conn.execute(
        text("SELECT name, posts, comments, first_at, last_at FROM author_subreddits "
             "JOIN authors ON authors.id = author_id")
    )  # fmt: skip
    return {
        row.name: (row.posts, row.comments, *((at - CREATED) / DAY for at in tuple(row)[3:]))
        for row in rows
    }


def evidence(conn: Connection) -> dict[str, tuple[int, int]]:
    """For each name: the numbers of mentions and of crossposts."""
    rows = conn.execute(text("SELECT name, mentions, crossposts FROM discovery_evidence"))
    return {row.name: (row.mentions, row.crossposts) for row in rows}


def test_posts_count_for_their_authors_and_as_evidence(conn: Connection) -> None:
    assert store(conn, *POSTS) == Stored(Written(inserted=6), Written())
    assert edges(conn) == {"ann": (3, 0, 0, 2), "bob": (1, 0, 5, 5)}
    assert evidence(conn) == {"rust": (2, 0), "zig": (1, 0), "golang": (0, 3)}


def test_comments_count_for_their_authors_and_as_evidence(conn: Connection) -> None:
    assert store(conn, *COMMENTS) == Stored(Written(), Written(inserted=4))
    assert edges(conn) == {"ann": (0, 3, -1, 9)}
    assert evidence(conn) == {"rust": (2, 0), "zig": (1, 0)}


@pytest.mark.parametrize("pages", [[POSTS, COMMENTS], [COMMENTS, POSTS], [[*POSTS, *COMMENTS]]])
def test_the_counts_of_pages_are_added(conn: Connection, pages: Sequence[list[Any]]) -> None:
    """A page with posts and comments is stored by several statements."""
    for page in pages:
        store(conn, *page)
    assert edges(conn) == {"ann": (3, 3, -1, 9), "bob": (1, 0, 5, 5)}
    assert evidence(conn) == {"rust": (4, 0), "zig": (2, 0), "golang": (0, 3)}
    later = [
        post("p7", author=ANN, mentions=("zig",), created_at=CREATED - 3 * DAY),
        comment("c7", author=BOB, mentions=("rust",), created_at=CREATED + 7 * DAY),
    ]
    stored = store(conn, *later, *POSTS, comment("c1", author=ANN, score=99))
    assert stored == Stored(Written(inserted=1), Written(inserted=1, updated=1))
    assert edges(conn) == {"ann": (4, 3, -3, 9), "bob": (1, 1, 5, 7)}
    assert evidence(conn) == {"rust": (5, 0), "zig": (3, 0), "golang": (0, 3)}


@pytest.mark.parametrize("items", [[POSTS[0]], [POSTS[0], COMMENTS[0]]])
def test_evidence_that_grows_is_as_old_as_its_last_item(conn: Connection, items: list[Any]) -> None:
    store(conn, post("p0", author=BOB, mentions=("rust",)))
    conn.execute(text("UPDATE discovery_evidence SET last_at = now() - interval '89 days'"))
    store(conn, *items)
    fresh = text("SELECT name FROM discovery_evidence WHERE last_at >= now() ORDER BY name")
    assert conn.execute(fresh).scalars().all() == ["golang", "rust"]


def test_a_page_of_more_than_a_hundred_items_counts_all_of_them(conn: Connection) -> None:
    posts = [post(f"p{number}", author=BOB) for number in range(101)]
    assert store(conn, *posts) == Stored(Written(inserted=101), Written())
    assert edges(conn)["bob"][:2] == (101, 0)
    changed = [post(f"p{number}", author=BOB, score=99) for number in range(101)]
    assert store(conn, *changed) == Stored(Written(updated=101), Written())
    assert edges(conn)["bob"][:2] == (101, 0)


def test_a_deleted_item_that_is_seen_deleted_again_is_not_written(conn: Connection) -> None:
    store(conn, post("p1"), post("p2"))
    store(conn, deleted_post("p1"), deleted_post("p3"))
    found = conn.execute(text("SELECT id FROM posts WHERE refresh_due_at IS NOT NULL"))
    assert found.scalars().all() == []
    before = tuples_written(conn)
    again = store(conn, deleted_post("p1"), deleted_post("p3"), post("p2"))
    assert again == Stored(Written(), Written())
    assert tuples_written(conn) == before


def test_the_first_account_with_an_id_names_its_author(conn: Connection) -> None:
    items = [
        post("p1", author=Account("Eve")),
        post("p2", author=Account("EVE", "t2_9")),
        comment("c1", author=Account("eve", "t2_9")),
    ]
    store(conn, *items)
    rows = conn.execute(text("SELECT name, reddit_id FROM authors WHERE id <> 1"))
    assert [tuple(row) for row in rows] == [("EVE", "t2_9")]


def test_the_ids_of_known_subreddits_are_not_looked_up(conn: Connection) -> None:
    ids = conn.execute(
        text("INSERT INTO subreddits (name) VALUES ('here'), ('there') RETURNING id")
    ).scalars()
    here, there = ids.all()
    known = {"python": here, "rust": there}
    store(conn, post("p1"), comment("c1", subreddit="Rust"), known_subreddits=known)
    found = conn.execute(
        text("SELECT id, subreddit_id FROM posts UNION ALL SELECT id, subreddit_id FROM comments")
    )
    assert {row.id: row.subreddit_id for row in found} == {"p1": here, "c1": there}
    names = conn.execute(text("SELECT name FROM subreddits ORDER BY name"))
    assert names.scalars().all() == ["here", "there"]
