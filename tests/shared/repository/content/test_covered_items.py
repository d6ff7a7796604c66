"""The stored items that a listing should show when a crawl reads it again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.coverage import ListingName
from crawljobs.repository.content import covered_items
from support import crawled
from support.jobs import T0

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
MAKE: dict[ListingName, Any] = {
    ListingName.POSTS: crawled.post,
    ListingName.COMMENTS: crawled.comment,
}
OLDEST = T0 - 9 * HOUR  # the crawls have read the listing down to this time


@pytest.fixture(params=ListingName)
def listing(request: pytest.FixtureRequest) -> ListingName:
    return ListingName(request.param)


def store(conn: Connection, listing: ListingName, **ages: timedelta) -> int:
    """Store items of these ages, and return the id of their subreddit."""
    items = [MAKE[listing](item, created_at=T0 - age) for item, age in ages.items()]
    crawled.store(conn, *items)
    column = {"posts": "oldest_post_at", "comments": "oldest_comment_at"}[listing]
    found = conn.execute(
        text(f"UPDATE subreddits SET {column} = :oldest RETURNING id"), {"oldest": OLDEST}
    )
    return int(found.scalar_one())


def below(
    conn: Connection,
    listing: ListingName,
    subreddit_id: int,
    before: datetime | None = T0,
    at_most: int = 99,
) -> list[str]:
    return covered_items.stored_below(
        conn, subreddit_id=subreddit_id, listing=listing, before=before, at_most=at_most
    )


def test_items_between_the_oldest_one_reached_and_the_given_time_come_newest_first(
    conn: Connection, listing: ListingName
) -> None:
    ages = {"late": -SECOND, "at": 0 * SECOND, "b": HOUR, "a": SECOND, "oldest": 9 * HOUR}
    subreddit_id = store(conn, listing, **ages, older=9 * HOUR + SECOND)
    assert below(conn, listing, subreddit_id) == ["a", "b", "oldest"]
    assert below(conn, listing, subreddit_id, None) == ["late", "at", "a", "b", "oldest"]
    assert below(conn, listing, subreddit_id, at_most=2) == ["a", "b"]


def test_items_of_the_other_listing_and_of_other_subreddits_are_left_out(
    conn: Connection, listing: ListingName
) -> None:
    (other,) = [one for one in ListingName if one != listing]
    subreddit_id = store(conn, listing, a=HOUR)
    crawled.store(
        conn,
        MAKE[other]("x", created_at=T0 - HOUR),
        MAKE[listing]("y", created_at=T0 - HOUR, subreddit="rust"),
    )
    assert below(conn, listing, subreddit_id) == ["a"]
    assert below(conn, other, subreddit_id) == []  # no crawl has reached any of its items


def test_deleted_and_removed_items_are_left_out(conn: Connection, listing: ListingName) -> None:
    subreddit_id = store(conn, listing, a=HOUR, b=2 * HOUR, c=3 * HOUR)
    conn.execute(text(f"UPDATE {listing} SET deleted_at = now() WHERE id = 'a'"))
    conn.execute(text(f"UPDATE {listing} SET removed_by_category = 'moderator' WHERE id = 'b'"))
    assert below(conn, listing, subreddit_id) == ["c"]


def test_the_newest_items_alone_are_checked(
    conn: Connection, listing: ListingName, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The removed items count too, so that a range of removed items costs no more."""
    subreddit_id = store(conn, listing, a=HOUR, b=2 * HOUR, c=3 * HOUR)
    conn.execute(text(f"UPDATE {listing} SET deleted_at = now() WHERE id = 'a'"))
    monkeypatch.setattr(covered_items, "SCAN_LIMIT", 2)
    assert below(conn, listing, subreddit_id) == ["b"]
