"""A crawl reads a listing from the newest item and ends near the high-water mark."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.walks import walk_steps
from crawler_worker.crawl.walks.courses import Course
from crawljobs.domain import reddit_items
from crawljobs.domain.coverage import ListingName, Walk, WalkEnd
from crawljobs.domain.reddit_items import Items, Page
from support.crawled import post

MARK = "zz"
NEWER = [f"100{n}" for n in range(9)]
OLDER = [f"z{n}" for n in range(10)] * 3


def run(before: int, ids: list[str], mark: str | None = MARK) -> int:
    return walk_steps.older_in_a_row(before, ids, mark)


def test_without_a_mark_everything_is_new() -> None:
    assert run(0, OLDER, mark=None) == 0


def test_a_sticky_between_new_items_does_not_end_the_walk() -> None:
    assert run(0, [*OLDER[:3], *NEWER]) == 0


def test_older_items_count_across_pages() -> None:
    assert run(run(0, [*NEWER, *OLDER[:10]]), OLDER[:10]) == 20


def test_a_newer_item_starts_the_count_again() -> None:
    assert run(24, [NEWER[0], *OLDER[:2]]) == 2


def test_the_walk_ends_at_25_whatever_follows_on_the_page() -> None:
    assert run(0, [*OLDER[:25], *NEWER]) == walk_steps.OLDER_IN_A_ROW


def test_the_mark_itself_is_old() -> None:
    assert run(0, [MARK]) == 1


def test_an_empty_page_tells_nothing() -> None:
    assert run(7, []) == 7


@pytest.mark.parametrize(
    ("item", "mark", "newer"), [("100", "zz", True), ("zz", "100", False), ("a", "a", False)]
)
def test_ids_are_compared_as_numbers_not_as_texts(item: str, mark: str, newer: bool) -> None:
    assert reddit_items.is_newer(item, mark) is newer


def test_the_newest_of_no_ids_is_none() -> None:
    assert reddit_items.newest(None) is None
    assert reddit_items.newest(None, "zz", "100", "9") == "100"


@pytest.mark.parametrize(
    ("cursor", "after", "end"),
    [
        (None, "t3_b", None),
        ("t3_a", "t3_b", None),
        ("t3_a", "t3_a", WalkEnd.LOOP),
        ("t3_a", None, WalkEnd.FIRST_ITEM),
    ],
)
def test_a_cursor_that_leads_to_its_own_page_ends_the_walk(
    cursor: str | None, after: str | None, end: WalkEnd | None
) -> None:
    context: Any = SimpleNamespace(
        checkpoint=Checkpoint(phase="posts", cursor=cursor),
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )
    course = Course(ListingName.POSTS, mark=None)
    page = Page(Items(posts=(post("c"),)), after)
    step = walk_steps.after_page(context, page, page.items.posts, course, (Walk(), 0))
    assert (step.checkpoint.cursor, step.walk.end) == (None if end else after, end)


@pytest.mark.parametrize(
    ("listing", "ids", "after", "anchors"),
    [
        (ListingName.POSTS, "abcde", "t3_e", ("t3_d", "t3_c")),
        (ListingName.COMMENTS, "abcde", "t1_e", ("t1_d", "t1_c")),
        (ListingName.POSTS, "ab", "t3_b", ("t3_a",)),
        (ListingName.POSTS, "a", "t3_a", ()),
        (ListingName.POSTS, "abcde", None, ()),  # no cursor: the crawl of the listing has ended
    ],
)
def test_a_walk_remembers_the_items_before_its_cursor_as_long_as_it_lasts(
    listing: ListingName, ids: str, after: str | None, anchors: tuple[str, ...]
) -> None:
    """The item of the cursor may be deleted before the next request.

    Then an earlier item replaces it.
    """
    context: Any = SimpleNamespace(
        checkpoint=Checkpoint(phase=listing.value, anchors=("t3_of_the_page_before",)),
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )
    items = tuple(post(item_id) for item_id in ids)
    course = Course(listing, mark=None)
    page = Page(Items(posts=items), after)
    step = walk_steps.after_page(context, page, items, course, (Walk(), 0))
    assert step.checkpoint.anchors == anchors


@pytest.mark.parametrize(
    ("known_in_a_row", "after", "is_lost", "end"),
    [
        # A listing that breaks off above the mark, and one that has reached known items.
        (0, None, True, WalkEnd.LOST),
        (1, None, True, WalkEnd.MARK),
        (0, "t3_a", False, WalkEnd.LOOP),
        (1, "t3_a", False, WalkEnd.MARK),
        # Only a break makes one known item enough.
        (24, "t3_b", False, None),
        (25, "t3_b", False, WalkEnd.MARK),
    ],
)
def test_a_broken_listing_that_has_reached_a_known_item_is_complete(
    known_in_a_row: int, after: str | None, is_lost: bool, end: WalkEnd | None
) -> None:
    context: Any = SimpleNamespace(
        checkpoint=Checkpoint(phase="posts", cursor="t3_a", older_in_a_row=known_in_a_row),
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )
    course = Course(ListingName.POSTS, mark=MARK)
    step = walk_steps.after_page(
        context, Page(Items(), after), (), course, (Walk(), 0), is_lost=is_lost
    )
    assert step.walk.end == end
