"""Subreddits as operators see them: the filters of the list, its pages, and computed fields."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import subreddit_admin
from crawljobs.repository.content.subreddit_rows import Subreddit
from support.jobs import T0

SECOND = timedelta(seconds=1)


def make(conn: Connection, name: str, **values: Any) -> int:
    given = {"name": name, **values}
    made = conn.execute(
        text(f"INSERT INTO subreddits ({', '.join(given)}) "
             f"VALUES ({', '.join(f':{column}' for column in given)}) RETURNING id"),
        given,
    )  # fmt: skip
    return int(made.scalar_one())


def miss(conn: Connection, subreddit_id: int, *parts: tuple[str, str]) -> None:
    for kind, item in parts:
        conn.execute(
            text("INSERT INTO missing_parts (subreddit_id, kind, item, reason, message, "
                 "next_look_at) VALUES (:id, :kind, :item, 'trouble', 'x', now())"),
            {"id": subreddit_id, "kind": kind, "item": item},
        )  # fmt: skip


def names(conn: Connection, **options: Any) -> list[str]:
    found = subreddit_admin.list_subreddits(conn, **options)
    assert found.next is None
    return [one.name for one in found.subreddits]


@pytest.fixture
def four(conn: Connection) -> Connection:
    """Four subreddits, each crawled at another time, one of them never."""
    make(conn, "Apple", access="public", last_crawled_at=T0)
    make(conn, "banana", access="private", last_crawled_at=T0 - SECOND)
    make(conn, "Cherry", access="public")
    miss(conn, make(conn, "date", access="public", last_crawled_at=T0 + SECOND), ("tree", "a"))
    return conn


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["Apple", "banana", "Cherry", "date"]),
        ({"access": AccessState.PUBLIC}, ["Apple", "Cherry", "date"]),
        ({"contains": "AN"}, ["banana"]),
        ({"contains": "a"}, ["Apple", "banana", "date"]),
        ({"contains": "_"}, []),
        ({"incomplete": True}, ["date"]),
        ({"incomplete": False}, ["Apple", "banana", "Cherry"]),
        ({"crawled_before": T0}, ["banana", "Cherry"]),
        ({"crawled_before": T0 + SECOND}, ["Apple", "banana", "Cherry"]),
        ({"after": "banana"}, ["Cherry", "date"]),
        ({"after": "b"}, ["banana", "Cherry", "date"]),
        ({"access": AccessState.PUBLIC, "incomplete": False, "contains": "e"}, ["Apple", "Cherry"]),
    ],
)
def test_a_list_has_the_subreddits_that_match_each_filter(
    four: Connection, filters: dict[str, Any], expected: list[str]
) -> None:
    assert names(four, **filters) == expected


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_any_size_have_each_subreddit_once(four: Connection, limit: int) -> None:
    found: list[str] = []
    sizes: list[int] = []
    after: str | None = None
    while not sizes or after is not None:
        page = subreddit_admin.list_subreddits(four, after=after, limit=limit)
        found += [one.name for one in page.subreddits]
        sizes.append(len(page.subreddits))
        after = page.next
    assert found == ["Apple", "banana", "Cherry", "date"]
    assert sizes == {1: [1, 1, 1, 1], 2: [2, 2], 3: [3, 1]}[limit]


def test_a_page_checks_two_thousand_names_and_has_a_hundred(conn: Connection) -> None:
    conn.execute(
        text("INSERT INTO subreddits (name, access) SELECT 's' || to_char(n, 'FM00000'), "
             "CASE WHEN n = 2001 THEN 'private' ELSE 'public' END "
             "FROM generate_series(1, 2001) AS n")
    )  # fmt: skip
    default = subreddit_admin.list_subreddits(conn)
    assert (len(default.subreddits), default.next) == (100, "s00100")
    first = subreddit_admin.list_subreddits(conn, access=AccessState.PRIVATE)
    assert (first.subreddits, first.next) == ([], "s02000")
    assert names(conn, access=AccessState.PRIVATE, after=first.next) == ["s02001"]


def get(conn: Connection, subreddit_id: int, now: datetime = T0) -> Subreddit:
    found = subreddit_admin.get_subreddit(conn, subreddit_id=subreddit_id, now=now)
    assert found is not None
    return found


def test_a_subreddit_is_found_by_its_name_in_any_case(conn: Connection) -> None:
    make(conn, "other")
    subreddit_id = make(conn, "Python")
    assert [subreddit_admin.find_id(conn, name=name) for name in ("python", "PYTHON", "py")] == [
        subreddit_id, subreddit_id, None,
    ]  # fmt: skip
    assert get(conn, subreddit_id).name == "Python"
    assert subreddit_admin.get_subreddit(conn, subreddit_id=subreddit_id + 1) is None


def test_computed_fields_are_those_of_the_present(conn: Connection) -> None:
    other = make(conn, "other")
    miss(conn, other, ("tree", "b"), ("posts", ""), ("history", "c"))
    subreddit_id = make(conn, "python", last_crawled_at=T0, missing_parts=7)
    found = get(conn, subreddit_id, T0 + 90 * SECOND)
    # The stored number of missing parts is out of date during a crawl.
    assert (found.crawled_seconds_ago, found.missing_parts, found.incomplete) == (90.0, 0, False)
    miss(conn, subreddit_id, ("tree", "a"), ("tree", "b"))
    found = get(conn, subreddit_id)
    assert (found.crawled_seconds_ago, found.missing_parts, found.incomplete) == (0.0, 2, True)
    assert get(conn, other).crawled_seconds_ago is None


@pytest.mark.parametrize(
    ("end", "gaps", "missing", "is_known"),
    [
        ("first_item", 0, "", True),
        ("first_item", 0, "tree", True),
        ("first_item", 0, "comments", True),
        ("first_item", 0, "posts", False),
        ("first_item", 1, "", False),
        ("cap", 0, "", False),
        (None, 0, "", False),
    ],
)
def test_a_listing_without_gaps_that_ended_at_its_first_item_is_known_whole(
    conn: Connection, end: str | None, gaps: int, missing: str, is_known: bool
) -> None:
    miss(conn, make(conn, "other"), ("posts", ""))
    subreddit_id = make(conn, "python", posts_walk_end=end, gaps=gaps)
    if missing:
        miss(conn, subreddit_id, (missing, ""))
    assert get(conn, subreddit_id).known_to_first_post is is_known


def is_free(database: Database, lock: str) -> bool:
    with database.begin() as conn:
        rows = conn.execute(text(f"SELECT FROM subreddits FOR {lock} SKIP LOCKED")).all()
        return bool(rows)


def test_a_locked_subreddit_can_be_referred_to_and_not_changed(database: Database) -> None:
    with database.begin() as conn:
        subreddit_id = make(conn, "python")
    with database.begin() as conn:
        subreddit_admin.get_subreddit(conn, subreddit_id=subreddit_id)
        assert is_free(database, "UPDATE")
        subreddit_admin.get_subreddit(conn, subreddit_id=subreddit_id, lock=True)
        assert is_free(database, "KEY SHARE")  # as the insert of a job needs it
        assert not is_free(database, "NO KEY UPDATE")
