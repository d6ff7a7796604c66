"""How far back crawls have read a subreddit, and which gaps they left in its listings."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.coverage import Gap, ListingName, Walk, WalkEnd
from crawljobs.repository.content import coverage, listing_gaps
from crawljobs.repository.content.crawled_trees import TreeSummary
from support import crawled
from support.jobs import T0

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
POSTS, COMMENTS = ListingName.POSTS, ListingName.COMMENTS


@pytest.fixture
def ours(conn: Connection) -> int:
    return subreddit(conn, "ours")


def subreddit(conn: Connection, name: str) -> int:
    made = conn.execute(
        text("INSERT INTO subreddits (name) VALUES (:name) RETURNING id"), {"name": name}
    )
    return int(made.scalar_one())


def add(conn: Connection, subreddit_id: int, *gaps: Gap, **walks: Walk) -> None:
    listing_gaps.record_gaps(
        conn,
        subreddit_id=subreddit_id,
        gaps=gaps,
        walks={ListingName(name): walk for name, walk in walks.items()},
        now=T0,
    )


def gap(item: str, listing: ListingName = POSTS, **values: Any) -> Gap:
    return Gap(listing, item, values.pop("to_item", "zz"), values.pop("to_at", T0))


def kept(conn: Connection, subreddit_id: int) -> list[tuple[str, str]]:
    found = listing_gaps.list_gaps(conn, subreddit_id=subreddit_id, at_most=1_000)
    return sorted((one.listing, one.from_item) for one in found)


def test_a_gap_knows_when_its_older_end_was_written(conn: Connection, ours: int) -> None:
    crawled.store(conn, crawled.post("p1", created_at=T0 - DAY))
    crawled.store(conn, crawled.comment("c1", created_at=T0 - HOUR))
    add(conn, ours, gap("p1"), gap("c1", COMMENTS), gap("p9"), gap("p1", COMMENTS))
    found = {
        (one.listing, one.from_item): one.from_at
        for one in listing_gaps.list_gaps(conn, subreddit_id=ours, at_most=9)
    }
    assert found == {
        ("posts", "p1"): T0 - DAY,
        ("comments", "c1"): T0 - HOUR,
        ("posts", "p9"): None,
        ("comments", "p1"): None,
    }


def test_a_gap_that_is_found_again_has_its_newest_end(conn: Connection, ours: int) -> None:
    add(conn, ours, gap("a"))
    later = Gap(POSTS, "a", "yy", T0 + HOUR)
    listing_gaps.record_gaps(conn, subreddit_id=ours, gaps=[later], walks={}, now=T0 + DAY)
    (found,) = listing_gaps.list_gaps(conn, subreddit_id=ours, at_most=9)
    assert (found.to_item, found.to_at, found.found_at) == ("yy", T0 + HOUR, T0 + DAY)


WHOLE = Walk("old", T0 - HOUR, WalkEnd.CAP)
ALL = [("comments", "c1"), ("posts", "at"), ("posts", "new"), ("posts", "old"), ("posts", "un")]


@pytest.mark.parametrize(
    ("walks", "closed"),
    [
        ({}, []),
        ({"posts": WHOLE}, [("posts", "new"), ("posts", "at")]),
        # The walk reached the listing's end and saw every post, so it closes all gaps in the posts.
        (
            {"posts": Walk("old", T0 - HOUR, WalkEnd.FIRST_ITEM)},
            [one for one in ALL if one[0] == "posts"],
        ),
        ({"posts": Walk("old", T0 - HOUR, WalkEnd.MARK)}, [("posts", "new"), ("posts", "at")]),
        ({"posts": Walk("old", T0 - DAY, WalkEnd.LOST)}, []),
        ({"posts": Walk("old", T0 - DAY, WalkEnd.LOOP)}, []),
        ({"comments": Walk("c1", T0 - DAY, WalkEnd.FIRST_ITEM)}, [("comments", "c1")]),
    ],
)
def test_a_walk_that_did_not_break_off_closes_the_gaps_that_it_passed(
    conn: Connection, ours: int, walks: dict[str, Walk], closed: list[tuple[str, str]]
) -> None:
    theirs = subreddit(conn, "theirs")
    for item, age in (("new", HOUR / 2), ("at", HOUR), ("old", DAY)):
        crawled.store(conn, crawled.post(item, created_at=T0 - age))
    for subreddit_id in (ours, theirs):
        add(conn, subreddit_id, gap("new"), gap("at"), gap("old"), gap("un"), gap("c1", COMMENTS))
    add(conn, ours, **walks)
    assert kept(conn, ours) == [one for one in ALL if one not in closed]
    assert kept(conn, theirs) == ALL


def test_the_newest_gaps_are_kept(conn: Connection, ours: int) -> None:
    theirs = subreddit(conn, "theirs")
    for subreddit_id in (ours, theirs):
        conn.execute(
            text("""
                INSERT INTO crawl_gaps
                    (subreddit_id, listing, from_item, to_item, to_at, found_at)
                SELECT :id, 'posts', 'i' || n, 'z', :now,
                    CAST(:now AS timestamptz) - n * interval '1 minute'
                FROM generate_series(1, :count) AS n
                """),
            {"id": subreddit_id, "now": T0, "count": listing_gaps.GAPS_MAX + 1},
        )
    add(conn, ours, gap("new"))
    items = {item for _, item in kept(conn, ours)}
    assert len(items) == listing_gaps.GAPS_MAX
    assert "new" in items
    assert items.isdisjoint({f"i{listing_gaps.GAPS_MAX}", f"i{listing_gaps.GAPS_MAX + 1}"})
    assert len(kept(conn, theirs)) == listing_gaps.GAPS_MAX + 1


def recorded(conn: Connection, subreddit_id: int, **given: Any) -> dict[str, Any]:
    values = {"posts": Walk(), "comments": Walk(), "trees": None, "soonest_retry": HOUR, "now": T0}
    coverage.record(conn, subreddit_id=subreddit_id, **{**values, **given})
    row = conn.execute(text("SELECT * FROM subreddits WHERE id = :id"), {"id": subreddit_id}).one()
    return dict(row._mapping)


def test_the_oldest_items_that_were_reached_stay_the_oldest(conn: Connection, ours: int) -> None:
    walks = {
        "posts": Walk("p1", T0 - DAY, WalkEnd.FIRST_ITEM),
        "comments": Walk("c1", T0 - 2 * DAY, WalkEnd.CAP),
    }
    first = recorded(conn, ours, **walks, trees=TreeSummary(whole=3, not_whole=1))
    expected = {
        "oldest_post": "p1",
        "oldest_post_at": T0 - DAY,
        "oldest_comment": "c1",
        "oldest_comment_at": T0 - 2 * DAY,
        "posts_walk_end": "first_item",
        "whole_walk_at": T0,
        "trees_whole": 3,
        "trees_not_whole": 1,
    }
    assert {name: first[name] for name in expected} == expected
    newer = {
        "posts": Walk("p2", T0 - HOUR, WalkEnd.MARK),
        "comments": Walk("c2", T0 - HOUR, WalkEnd.MARK),
    }
    assert recorded(conn, ours, **newer, now=T0 + DAY) == first
    unfinished = {"posts": Walk("p0", T0 - 9 * DAY), "comments": Walk("c0", T0 - 9 * DAY)}
    assert recorded(conn, ours, **unfinished, now=T0 + DAY) == first
    older = {
        "posts": Walk("p0", T0 - 9 * DAY, WalkEnd.CAP),
        "comments": Walk("c0", T0 - 9 * DAY, WalkEnd.CAP),
    }
    last = recorded(conn, ours, **older, trees=TreeSummary(whole=0, not_whole=0), now=T0 + DAY)
    assert (last["oldest_post"], last["oldest_post_at"]) == ("p0", T0 - 9 * DAY)
    assert (last["oldest_comment"], last["oldest_comment_at"]) == ("c0", T0 - 9 * DAY)
    assert (last["posts_walk_end"], last["whole_walk_at"]) == ("cap", T0 + DAY)
    assert (last["trees_whole"], last["trees_not_whole"]) == (0, 0)


def test_of_items_of_one_age_the_first_that_was_reached_stays_the_oldest(
    conn: Connection, ours: int
) -> None:
    for item in ("first", "second"):
        walk = Walk(item, T0 - DAY, WalkEnd.CAP)
        found = recorded(conn, ours, posts=walk, comments=walk)
    assert (found["oldest_post"], found["oldest_comment"]) == ("first", "first")


def part(conn: Connection, subreddit_id: int, item: str, at: Any, reason: str = "trouble") -> None:
    conn.execute(
        text(
            "INSERT INTO missing_parts (subreddit_id, kind, item, reason, message, next_look_at) "
            "VALUES (:id, 'tree', :item, :reason, 'x', :at)"
        ),
        {"id": subreddit_id, "item": item, "reason": reason, "at": at},
    )


@pytest.mark.parametrize(
    ("before", "looks", "expected"),
    [
        (None, [], None),
        (T0 + 9 * DAY, [], T0 + 9 * DAY),
        (None, [2 * DAY, DAY], T0 + DAY),
        (T0 + 9 * DAY, [DAY], T0 + DAY),
        (T0 + HOUR / 2, [DAY], T0 + HOUR / 2),
        # The earliest time of the next crawl is in an hour.
        (None, [-DAY], T0 + HOUR),
    ],
)
def test_the_next_crawl_is_due_with_the_first_missing_part(
    conn: Connection, ours: int, before: Any, looks: list[timedelta], expected: Any
) -> None:
    theirs = subreddit(conn, "theirs")
    conn.execute(text("UPDATE subreddits SET next_crawl_at = :at"), {"at": before})
    for number, look in enumerate(looks):
        part(conn, ours, f"i{number}", T0 + look)
    part(conn, ours, "cut", T0 + HOUR, "allowance")
    part(conn, theirs, "other", T0 + HOUR)
    add(conn, theirs, gap("a"))
    found = recorded(conn, ours)
    assert found["next_crawl_at"] == expected
    assert (found["missing_parts"], found["gaps"]) == (len(looks) + 1, 0)
    untouched = conn.execute(text("SELECT * FROM subreddits WHERE id = :id"), {"id": theirs}).one()
    assert (untouched.next_crawl_at, untouched.missing_parts) == (before, 0)
