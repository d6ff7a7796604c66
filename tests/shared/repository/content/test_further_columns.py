"""Further fields of an item are stored, refreshed and deleted, and each look is dated cheaply."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db import tables
from crawljobs.db.database import Connection, Database
from crawljobs.domain.reddit_items import Account, Comment, Items, Post
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.content.page_storage import crawled_comments, crawled_items, crawled_posts
from support import crawled
from support.crawled import comment, deleted_post, post, store, tuples_written

EXTRA = {"gallery_data": {"items": [{"media_id": "m1", "caption": "é ☃ \U0001f9d1"}]}, "gilded": 2}
FULL_POST: dict[str, Any] = {
    "flair_template_id": "c1715e60", "author_flair": "Regular", "num_crossposts": 3,
    "total_awards_received": 5, "distinguished": "moderator", "post_hint": "image",
    "is_video": True, "is_gallery": True, "archived": True, "contest_mode": True,
    "quarantine": True, "score_hidden": True, "crosspost_author": Account("eve", "t2_e"),
    "crosspost_subreddit": "golang", "extra": EXTRA,
}  # fmt: skip
FULL_COMMENT: dict[str, Any] = {
    "author_flair": "Regular", "controversiality": 1, "total_awards_received": 5,
    "distinguished": "admin", "collapsed_reason_code": "CROWD_CONTROL", "locked": True,
    "archived": True, "score_hidden": True, "extra": EXTRA, "depth": 4,
}  # fmt: skip


def row_of(conn: Connection, table: str) -> dict[str, Any]:
    query = f"SELECT item.* FROM {table} AS item"
    if table == "posts":
        query = """
            SELECT item.*, original.name AS crosspost_author
            FROM posts AS item LEFT JOIN authors AS original ON original.id = crosspost_author_id"""
    return dict(conn.execute(text(query)).mappings().one())


def made(table: str, values: dict[str, Any]) -> Post | Comment:
    return post(**values) if table == "posts" else comment(**values)


def expected(values: dict[str, Any]) -> dict[str, Any]:
    return {key: each.name if isinstance(each, Account) else each for key, each in values.items()}


BOTH = pytest.mark.parametrize(
    ("table", "full"), [("posts", FULL_POST), ("comments", FULL_COMMENT)], ids=["posts", "comments"]
)


@BOTH
def test_each_field_is_stored_and_each_change_of_a_field_too(
    conn: Connection, table: str, full: dict[str, Any]
) -> None:
    for name, value in full.items():
        stored = store(conn, made(table, {name: value}))
        written = stored.posts + stored.comments
        assert (written.inserted + written.updated) == 1, name
        assert row_of(conn, table)[name] == expected({name: value})[name]
    store(conn, made(table, full))
    row = row_of(conn, table)
    assert {name: row[name] for name in full} == expected(full)
    store(conn, made(table, {}))
    row = row_of(conn, table)
    left = {name: row[name] for name in full if row[name] not in (None, False)}
    assert left == ({"depth": 4} if table == "comments" else {})  # listings show no depth


@BOTH
def test_a_page_with_full_items_writes_no_tuple_again(
    conn: Connection, table: str, full: dict[str, Any]
) -> None:
    store(conn, made(table, full))
    before = tuples_written(conn)
    store(conn, made(table, full))
    assert tuples_written(conn) == before


def test_a_row_of_an_earlier_release_is_filled_at_its_next_look(conn: Connection) -> None:
    store(conn, post())
    conn.execute(text("UPDATE posts SET is_video = NULL, checked_at = NULL"))
    assert store(conn, post()).posts.updated == 1
    row = row_of(conn, "posts")
    assert (row["is_video"], row["checked_at"] is None) == (False, False)


def test_every_stored_column_of_a_deleted_item_is_that_of_the_parsed_item(conn: Connection) -> None:
    store(conn, post(**FULL_POST))
    store(conn, deleted_post())
    row = row_of(conn, "posts")
    assert row["deleted_at"] is not None
    of_author = ("extra", "flair", "flair_template_id", "author_flair", "crosspost_author_id")
    assert [row[name] for name in (*of_author, "crosspost_subreddit")] == [None] * 6


def test_a_statement_stores_every_column_that_reddit_fills() -> None:
    own = {
        *("deleted_at", "first_seen_at", "updated_at", "checked_at", "refresh_due_at"),
        *("tree_fetched_at", "comments_reported", "comments_stored", "comments_missing"),
    }
    for module, table in ((crawled_posts, tables.posts), (crawled_comments, tables.comments)):
        columns = module._COLUMNS  # type: ignore[attr-defined]
        assert {*columns.keys, *columns.stored} == {column.name for column in table.c} - own


def test_an_account_is_dated_once_its_page_was_read(conn: Connection) -> None:
    created = datetime(2019, 5, 4, tzinfo=UTC)
    seen = (Account("ada"), Account("ada", "t2_1", created, False), Account("ada", "t2_1"))
    for account in seen:
        store(conn, post(author=account))
    page = Items(accounts=(Account("ada", suspended=True),))
    crawled_items.store(conn, items=page, known_subreddits={})
    row = conn.execute(text("SELECT * FROM authors")).one()
    assert (row.reddit_id, row.created_at_reddit, row.suspended) == ("t2_1", created, True)


def test_a_description_has_its_sidebar_and_its_language(conn: Connection) -> None:
    about = crawled.about(sidebar="# Rules\n\n1. Be kind", language="nl")
    stored_subreddits.upsert(conn, abouts=[about])
    assert stored_subreddits.upsert(conn, abouts=[about]) == 0
    stored_subreddits.upsert(conn, abouts=[replace(about, sidebar=None, language=None)])
    row = conn.execute(text("SELECT sidebar, language FROM subreddits")).one()
    assert tuple(row) == ("# Rules\n\n1. Be kind", "nl")


HALF_A_DAY = timedelta(hours=12)


def age(conn: Connection, table: str, by: timedelta) -> None:
    query = f"UPDATE {table} SET checked_at = checked_at - :by, updated_at = updated_at - :by"
    conn.execute(text(query), {"by": by})


@BOTH
def test_a_look_that_finds_no_change_is_dated_after_half_a_day(
    conn: Connection, table: str, full: dict[str, Any]
) -> None:
    item = made(table, full)
    store(conn, item)
    age(conn, table, HALF_A_DAY - timedelta(minutes=1))
    before = row_of(conn, table)
    store(conn, item)
    assert row_of(conn, table) == before
    age(conn, table, timedelta(minutes=2))
    before = row_of(conn, table)
    written = store(conn, item)
    after = row_of(conn, table)
    assert after.pop("checked_at") > before.pop("checked_at")
    assert after == before  # the time of the last change stays, too
    assert (written.posts + written.comments).updated == 0


def test_a_deleted_item_is_not_dated(conn: Connection) -> None:
    store(conn, post())
    store(conn, deleted_post())
    age(conn, "posts", 2 * HALF_A_DAY)
    before = tuples_written(conn)
    store(conn, deleted_post())
    store(conn, post())
    assert tuples_written(conn) == before


@pytest.fixture
def two_posts(database: Database) -> Iterator[Database]:
    with database.begin() as conn:
        store(conn, post("p1"), post("p2"))
        age(conn, "posts", 2 * HALF_A_DAY)
    yield database


def test_the_date_of_a_look_never_waits_for_a_locked_row(two_posts: Database) -> None:
    with two_posts.begin() as holder, two_posts.begin() as conn:
        holder.execute(text("SELECT FROM posts WHERE id = 'p1' FOR UPDATE"))
        conn.execute(text("SET LOCAL lock_timeout = '1ms'"))
        store(conn, post("p1"), post("p2"))
        query = "SELECT id FROM posts WHERE checked_at > now() - interval '1 hour'"
        assert conn.execute(text(query)).scalars().all() == ["p2"]


def hot_updates(conn: Connection) -> tuple[int, int]:
    query = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'posts'"
    updated, hot = conn.execute(text(query)).one()
    return updated, hot


def test_a_date_of_a_look_touches_no_index(two_posts: Database) -> None:
    with two_posts.begin() as conn:
        before = hot_updates(conn)
        store(conn, post("p1"), post("p2"))
        assert hot_updates(conn) == (before[0] + 2, before[1] + 2)
