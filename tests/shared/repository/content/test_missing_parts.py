"""The parts of a subreddit that crawls gave up: they are stored, limited, removed and postponed."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.missing_part import (
    FURTHEST_LOOK,
    POSTPONED,
    STORED_MAX,
    MissingPart,
    PartKind,
    PartReason,
)
from crawljobs.repository.content import crawl_history, missing_parts
from support.jobs import T0

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def ours(conn: Connection) -> int:
    return subreddit(conn, "ours")


@pytest.fixture
def theirs(conn: Connection) -> int:
    return subreddit(conn, "theirs")


def subreddit(conn: Connection, name: str) -> int:
    made = conn.execute(
        text("INSERT INTO subreddits (name) VALUES (:name) RETURNING id"), {"name": name}
    )
    return int(made.scalar_one())


def part(kind: PartKind, item: str, **values: Any) -> MissingPart:
    given = {"reason": PartReason.TROUBLE, "message": "x", "failures": 1, "next_look_at": T0}
    return MissingPart(kind, item, **{**given, **values})


def kept(conn: Connection, subreddit_id: int) -> list[tuple[str, str]]:
    found = missing_parts.list_parts(conn, subreddit_id=subreddit_id, at_most=1_000)
    return [(one.kind, one.item) for one in found]


def fill(conn: Connection, *ids: int) -> None:
    """Store the same missing parts for each subreddit."""
    for subreddit_id in ids:
        for one in (
            part(PartKind.POSTS, "cursor"),
            part(PartKind.COMMENTS, "cursor"),
            part(PartKind.TREE, "a"),
            part(PartKind.TREE, "b"),
            part(PartKind.HISTORY, "a"),
        ):
            missing_parts.record(conn, subreddit_id=subreddit_id, part=one)


ALL = [
    ("comments", "cursor"),
    ("history", "a"),
    ("posts", "cursor"),
    ("tree", "a"),
    ("tree", "b"),
]


def test_a_page_of_a_listing_takes_the_place_of_the_one_before(
    conn: Connection, ours: int, theirs: int
) -> None:
    fill(conn, ours, theirs)
    missing_parts.record(conn, subreddit_id=ours, part=part(PartKind.POSTS, "further"))
    missing_parts.record(conn, subreddit_id=ours, part=part(PartKind.TREE, "c"))
    assert kept(conn, ours) == [
        ("comments", "cursor"),
        ("history", "a"),
        ("posts", "further"),
        ("tree", "a"),
        ("tree", "b"),
        ("tree", "c"),
    ]
    assert kept(conn, theirs) == ALL


def test_a_part_that_is_given_up_again_has_its_newest_values(conn: Connection, ours: int) -> None:
    missing_parts.record(conn, subreddit_id=ours, part=part(PartKind.TREE, "a", seen_to="1"))
    conn.execute(text("UPDATE missing_parts SET first_at = :t, last_at = :t"), {"t": T0 - HOUR})
    again = part(
        PartKind.TREE,
        "a",
        reason=PartReason.REFUSED,
        message="y",
        failures=2,
        next_look_at=T0 + HOUR,
        seen_to="2",
    )
    missing_parts.record(conn, subreddit_id=ours, part=again)
    (found,) = missing_parts.list_parts(conn, subreddit_id=ours, at_most=9)
    assert (found.reason, found.message, found.failures, found.next_look_at) == (
        PartReason.REFUSED,
        "y",
        2,
        T0 + HOUR,
    )
    assert found.first_at == T0 - HOUR
    assert found.last_at != T0 - HOUR
    assert conn.execute(text("SELECT seen_to FROM missing_parts")).scalar_one() == "2"


@pytest.mark.parametrize("item", ["cursor", "further", ""])
@pytest.mark.parametrize("kind", [PartKind.POSTS, PartKind.COMMENTS])
def test_a_listing_that_keeps_failing_keeps_the_time_of_its_first_failure(
    conn: Connection, ours: int, kind: PartKind, item: str
) -> None:
    missing_parts.record(conn, subreddit_id=ours, part=part(kind, "cursor"))
    conn.execute(text("UPDATE missing_parts SET first_at = :t, last_at = :t"), {"t": T0 - HOUR})
    for failures in (2, 3):
        again = part(kind, f"{item}{failures}" if item == "further" else item, failures=failures)
        missing_parts.record(conn, subreddit_id=ours, part=again)
        (found,) = missing_parts.list_parts(conn, subreddit_id=ours, at_most=9)
        assert (found.failures, found.first_at) == (failures, T0 - HOUR)
        assert found.last_at != T0 - HOUR
    missing_parts.settle(conn, subreddit_id=ours, parts=[again])
    missing_parts.record(conn, subreddit_id=ours, part=part(kind, item))
    (found,) = missing_parts.list_parts(conn, subreddit_id=ours, at_most=9)
    assert found.first_at != T0 - HOUR


def test_those_that_failed_last_are_kept(conn: Connection, ours: int, theirs: int) -> None:
    for subreddit_id in (ours, theirs):
        conn.execute(
            text("""
                INSERT INTO missing_parts
                    (subreddit_id, kind, item, reason, message, next_look_at, last_at)
                SELECT :id, 'tree', 'i' || n, 'trouble', 'x', :now,
                    clock_timestamp() - n * interval '1 minute'
                FROM generate_series(1, :count) AS n
                """),
            {"id": subreddit_id, "now": T0, "count": STORED_MAX + 1},
        )
    missing_parts.record(conn, subreddit_id=ours, part=part(PartKind.TREE, "new"))
    items = {item for _, item in kept(conn, ours)}
    assert len(items) == STORED_MAX
    assert "new" in items
    assert items.isdisjoint({f"i{STORED_MAX}", f"i{STORED_MAX + 1}"})
    assert len(kept(conn, theirs)) == STORED_MAX + 1


@pytest.mark.parametrize(
    ("settled", "gone"),
    [
        ([], []),
        ([part(PartKind.TREE, "a")], [("tree", "a")]),
        ([part(PartKind.HISTORY, "a")], [("history", "a")]),
        # A page stands for its whole listing, so any cursor matches.
        ([part(PartKind.POSTS, "other")], [("posts", "cursor")]),
        (
            [part(PartKind.COMMENTS, "x"), part(PartKind.TREE, "b")],
            [("comments", "cursor"), ("tree", "b")],
        ),
        ([part(PartKind.TREE, "unknown")], []),
    ],
)
def test_what_was_fetched_is_no_longer_missing(
    conn: Connection,
    ours: int,
    theirs: int,
    settled: list[MissingPart],
    gone: list[tuple[str, str]],
) -> None:
    fill(conn, ours, theirs)
    missing_parts.settle(conn, subreddit_id=ours, parts=settled)
    assert kept(conn, ours) == [one for one in ALL if one not in gone]
    assert kept(conn, theirs) == ALL


def test_parts_that_no_crawl_asked_for_are_due_later(
    conn: Connection, ours: int, theirs: int
) -> None:
    looks = {
        "due": T0,
        "long due": T0 - HOUR,
        "to come": T0 + SECOND,
        "furthest": T0 + FURTHEST_LOOK,
        "beyond": T0 + FURTHEST_LOOK + SECOND,
    }
    for subreddit_id in (ours, theirs):
        for item, at in looks.items():
            missing_parts.record(
                conn, subreddit_id=subreddit_id, part=part(PartKind.TREE, item, next_look_at=at)
            )
    allowance = part(PartKind.TREE, "cut", reason=PartReason.ALLOWANCE)
    missing_parts.record(conn, subreddit_id=ours, part=allowance)
    missing_parts.postpone_due(conn, subreddit_id=ours, now=T0)

    def times(subreddit_id: int) -> dict[str, Any]:
        found = missing_parts.list_parts(conn, subreddit_id=subreddit_id, at_most=99)
        return {one.item: one.next_look_at for one in found}

    later = T0 + POSTPONED
    assert times(ours) == {
        **looks,
        "due": later,
        "long due": later,
        "beyond": later,
        "cut": T0,
    }
    assert times(theirs) == looks


def test_parts_are_listed_by_their_next_look_and_no_more_than_asked_for(
    conn: Connection, ours: int
) -> None:
    fill(conn, ours)
    early = part(PartKind.TREE, "z", next_look_at=T0 - HOUR)
    missing_parts.record(conn, subreddit_id=ours, part=early)
    found = missing_parts.list_parts(conn, subreddit_id=ours, at_most=2)
    assert [(one.kind, one.item) for one in found] == [("tree", "z"), ("comments", "cursor")]


def test_the_next_crawl_finds_its_own_parts_in_the_order_of_their_requests(
    conn: Connection, ours: int, theirs: int
) -> None:
    fill(conn, theirs)
    assert crawl_history.load_crawl_history(conn, subreddit_id=ours).missing_parts == ()
    parts = [
        part(PartKind.TREE, "b", next_look_at=T0 + HOUR, seen_to="1", failures=3),
        part(PartKind.TREE, "a", next_look_at=T0),
        part(PartKind.HISTORY, "c", next_look_at=T0 - HOUR, reason=PartReason.REFUSED),
    ]
    for one in parts:
        missing_parts.record(conn, subreddit_id=ours, part=one)
    found = crawl_history.load_crawl_history(conn, subreddit_id=ours).missing_parts
    assert list(found) == [parts[2], parts[1], parts[0]]
