"""Ids of items are compared as base-36 numbers, not as texts."""

import pytest

from crawljobs.domain import reddit_items
from crawljobs.domain.reddit_items import Items


@pytest.mark.parametrize(
    ("item_id", "mark", "is_newer"),
    [
        ("10", "z", True),
        ("z", "10", False),
        ("z", "z", False),
        ("a", "9", True),
        ("0", None, True),
    ],
)
def test_an_item_is_newer_than_another_with_a_lower_id(
    item_id: str, mark: str | None, is_newer: bool
) -> None:
    assert reddit_items.is_newer(item_id, mark) is is_newer


def test_the_newest_id_is_the_highest_number() -> None:
    assert reddit_items.newest("z", None, "10", "9") == "10"
    assert reddit_items.newest("z") == "z"
    assert reddit_items.newest(None) is None
    assert reddit_items.newest() is None


def test_a_reply_without_items_has_none_that_were_dropped() -> None:
    found = Items()
    assert (found.posts, found.comments, found.more) == ((), (), ())
    assert (found.subreddits, found.accounts) == ((), ())
    assert (found.dropped, found.unknown) == (0, 0)
