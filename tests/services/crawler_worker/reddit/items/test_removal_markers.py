"""The parser recognises the markers of removed items, edited items and hidden scores."""

from typing import Any

import pytest

from crawler_worker.reddit.items import removal_markers

NOTICE = "[ Removed by Reddit ]"


@pytest.mark.parametrize(
    ("value", "is_notice"),
    [
        (NOTICE, True),
        (f"  {NOTICE}\n", True),
        ("[removed by reddit]", True),
        ("[ Removed by Reddit on account of the [rules](https://r.com/x). ]", True),
        (NOTICE + " " * (removal_markers.MARKER_MAX - len(NOTICE)), True),
        (NOTICE + " " * (removal_markers.MARKER_MAX - len(NOTICE) + 1), False),
        (f"he wrote {NOTICE}", False),
        (f"{NOTICE} again", False),
        ("[removed by redditors]", False),
        ("[ Removed by Reddit [a](b) [c](d) ]", False),
        ("[removed]", False),
        (None, False),
        (7, False),
    ],
)
def test_the_whole_text_is_the_notice(value: object, is_notice: bool) -> None:
    assert removal_markers.is_removed_by_reddit(value) is is_notice


@pytest.mark.parametrize(
    ("value", "edited"),
    [(True, True), (False, False), (1_700_000_000.0, True), (None, False), ("yes", False)],
)
def test_an_item_is_edited_when_a_time_says_so_or_true(value: object, edited: bool) -> None:
    assert removal_markers.is_edited(value) is edited


@pytest.mark.parametrize(
    ("category", "removed", "by_reddit", "expected"),
    [
        (None, False, False, None),
        (None, True, False, "unknown"),
        (None, False, True, "reddit"),
        (None, True, True, "reddit"),
        ("moderator", False, False, "moderator"),
        ("moderator", True, True, "moderator"),
    ],
)
def test_the_category_of_reddit_comes_first(
    category: str | None, removed: bool, by_reddit: bool, expected: str | None
) -> None:
    assert removal_markers.removed_by(category, removed=removed, by_reddit=by_reddit) == expected


@pytest.mark.parametrize(
    ("data", "score"),
    [
        ({"score": 3}, 3),
        ({"score": 1, "score_hidden": True}, None),
        ({"score": 1, "score_hidden": False}, 1),
        ({"score": 1, "score_hidden": "true"}, 1),
        ({"score": "many"}, None),
        ({}, None),
    ],
)
def test_a_hidden_score_is_none(data: dict[str, Any], score: int | None) -> None:
    assert removal_markers.comment_score(data) == score
