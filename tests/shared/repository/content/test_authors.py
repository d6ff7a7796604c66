"""Each account becomes one author. The histories of a subreddit's most active authors are read."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.reddit_items import Account
from crawljobs.repository.content import authors
from support import locks
from support.jobs import T0

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
EVERY = timedelta(days=30)


def known(conn: Connection) -> dict[str, str | None]:
    rows = conn.execute(text("SELECT name, reddit_id FROM authors"))
    return {row.name: row.reddit_id for row in rows}


def test_an_account_is_one_author_whatever_the_case_of_its_name(conn: Connection) -> None:
    first = authors.ensure(conn, accounts=[Account("Ada", "t2_1"), Account("bob", None)])
    again = authors.ensure(conn, accounts=[Account("ADA", None), Account("Bob", "t2_2")])
    assert first == again
    assert known(conn) == {"Ada": "t2_1", "bob": "t2_2"}
    assert authors.ensure(conn, accounts=[]) == {}


@pytest.mark.parametrize(
    ("before", "given", "after"),
    [
        (None, None, None),
        (None, "t2_1", "t2_1"),
        ("t2_1", None, "t2_1"),
        ("t2_1", "t2_1", "t2_1"),
        ("t2_1", "t2_2", "t2_2"),
    ],
)
def test_an_author_has_the_newest_id(
    conn: Connection, before: str | None, given: str | None, after: str | None
) -> None:
    authors.ensure(conn, accounts=[Account("ada", before)])
    version = conn.execute(text("SELECT ctid FROM authors")).scalar_one()
    authors.ensure(conn, accounts=[Account("ada", given)])
    assert known(conn) == {"ada": after}
    is_written = conn.execute(text("SELECT ctid FROM authors")).scalar_one() != version
    assert is_written is (before != after)


def subreddit(conn: Connection, name: str, crawled: datetime | None = None) -> int:
    made = conn.execute(
        text("INSERT INTO subreddits (name, last_crawled_at) VALUES (:n, :at) RETURNING id"),
        {"n": name, "at": crawled},
    )
    return int(made.scalar_one())


def write(conn: Connection, name: str, where: int, *, posts: int = 1, comments: int = 0,
          **values: Any) -> None:  # fmt: skip
    given = {"name": name, "first_seen_at": T0, **values}
    columns = ", ".join(given)
    marks = ", ".join(f":{column}" for column in given)
    author = conn.execute(
        text(f"INSERT INTO authors ({columns}) VALUES ({marks}) RETURNING id"), given
    ).scalar_one()
    conn.execute(
        text("INSERT INTO posts (id, subreddit_id, author_id, created_at) "
             "VALUES (:id, :where, :author, :t)"),
        {"id": name.lower()[:13], "where": where, "author": author, "t": T0},
    )  # fmt: skip
    conn.execute(
        text("INSERT INTO author_subreddits VALUES (:a, :s, :posts, :comments, :t, :t)"),
        {"a": author, "s": where, "posts": posts, "comments": comments, "t": T0},
    )


def due(conn: Connection, where: int, at_most: int = 99) -> list[str]:
    return authors.due_for_history(conn, subreddit_id=where, every=EVERY, at_most=at_most, now=T0)


@pytest.mark.parametrize(
    ("crawled", "values", "is_due"),
    [
        (None, {}, True),
        (T0 - DAY, {}, True),
        (T0, {}, False),  # the author is not new since the last crawl
        (T0, {"history_fetched_at": T0 - EVERY - SECOND}, True),
        (T0, {"history_fetched_at": T0 - EVERY}, False),
        (None, {"history_fetched_at": T0}, False),
        (None, {"name": "AutoModerator"}, False),
    ],
)
def test_a_history_is_due_of_new_authors_and_after_a_month(
    conn: Connection, crawled: datetime | None, values: dict[str, Any], is_due: bool
) -> None:
    here, there = subreddit(conn, "here", crawled), subreddit(conn, "there")
    given = {"name": "ada", **values}
    write(conn, where=here, **given)
    write(conn, "stranger", there)
    assert due(conn, here) == ["ada"] * is_due


def test_the_most_active_come_first(conn: Connection) -> None:
    here = subreddit(conn, "here")
    for name, posts, comments in (("one", 1, 0), ("talker", 1, 5), ("writer", 4, 0), ("two", 1, 0)):
        write(conn, name, here, posts=posts, comments=comments)
    assert due(conn, here) == ["talker", "writer", "one", "two"]
    assert due(conn, here, at_most=2) == ["talker", "writer"]


def is_due(conn: Connection, name: str) -> bool:
    return authors.is_history_due(conn, name=name, every=EVERY, now=T0)


def test_a_history_that_was_read_is_not_due_for_a_month(conn: Connection) -> None:
    authors.ensure(conn, accounts=[Account("Ada", None), Account("bob", None)])
    assert is_due(conn, "ada")
    authors.mark_history_fetched(conn, name="ADA", now=T0 - EVERY)
    assert not is_due(conn, "ada")
    assert is_due(conn, "bob")
    authors.mark_history_fetched(conn, name="ada", now=T0 - EVERY - SECOND)
    assert is_due(conn, "ADA")
    assert not is_due(conn, "unknown")


def test_an_author_that_another_transaction_writes_to_stays_due(database: Database) -> None:
    with database.begin() as conn:
        authors.ensure(conn, accounts=[Account("ada", None)])
    with database.begin() as holder:
        holder.execute(text("SELECT FROM authors FOR UPDATE"))
        with database.begin() as conn:
            conn.execute(text("SET LOCAL lock_timeout = '2s'"))
            authors.mark_history_fetched(conn, name="ada", now=T0)
            assert is_due(conn, "ada")


def test_an_author_whose_item_another_transaction_stores_is_marked(database: Database) -> None:
    with database.begin() as conn:
        authors.ensure(conn, accounts=[Account("ada", None)])
    with database.begin() as holder:
        holder.execute(text("SELECT FROM authors FOR KEY SHARE"))  # as a foreign key does
        with database.begin() as conn:
            authors.mark_history_fetched(conn, name="ada", now=T0)
            assert not is_due(conn, "ada")


def test_a_page_without_the_id_of_a_new_author_keeps_the_id_of_another_page(
    database: Database,
) -> None:
    """Both pages are stored at the same time, and the page without the id is the second."""

    def store_second() -> None:
        with database.begin() as conn:
            authors.ensure(conn, accounts=[Account("ada", None)])

    second = threading.Thread(target=store_second)
    with database.begin() as conn:
        authors.ensure(conn, accounts=[Account("ada", "t2_1")])
        second.start()
        locks.wait_until_blocked(database)
    second.join(10)
    with database.begin() as conn:
        assert known(conn) == {"ada": "t2_1"}


def test_the_authors_of_the_newest_items_alone_are_read(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = subreddit(conn, "here")
    for number, name in enumerate(("oldest", "newest", "middle")):
        write(conn, name, here)
        conn.execute(
            text("UPDATE posts SET created_at = :t WHERE id = :id"),
            {"t": T0 - (number != 1) * (4 - number) * DAY, "id": name},
        )
    monkeypatch.setattr(authors, "RECENT", 2)
    assert sorted(due(conn, here)) == ["middle", "newest"]


def test_what_an_author_writes_elsewhere_does_not_count(conn: Connection) -> None:
    there, here = subreddit(conn, "there"), subreddit(conn, "here")
    write(conn, "ada", here, posts=1)
    write(conn, "bob", here, posts=2)
    conn.execute(
        text("INSERT INTO author_subreddits SELECT id, :there, 9, 9, :t, :t FROM authors "
             "WHERE name = 'ada'"),
        {"there": there, "t": T0},
    )  # fmt: skip
    assert due(conn, here) == ["bob", "ada"]
