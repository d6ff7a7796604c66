"""Recognizes Reddit's marks for removed, deleted and edited items and for hidden scores."""

from __future__ import annotations

import re

from crawljobs.domain import untrusted_text
from crawljobs.domain.reddit_items import OMITTED

REMOVED, DELETED = "[removed]", "[deleted]"
REDDIT = "reddit"  # the category of an item that Reddit itself removed

# The maximum length of a removal notice. A longer text is no notice. Reddit's notices have
# fewer than 120 characters.
MARKER_MAX = 400
# A pattern for "[ Removed by Reddit ]", also with a reason, which may contain one link. Users quote
# these words, so the pattern must match the whole text.
_BY_REDDIT = re.compile(
    r"\[\s*removed by reddit\b[^\[\]]*+(?:\[[^\[\]]*+\]\([^()\s]*+\)[^\[\]]*+)?\]", re.IGNORECASE
)


def is_removed_by_reddit(value: object) -> bool:
    """Return whether the whole text is Reddit's notice that Reddit removed the item."""
    if not isinstance(value, str) or len(value) > MARKER_MAX:
        return False
    return _BY_REDDIT.fullmatch(value.strip()) is not None


def is_edited(value: object) -> bool:
    """Return whether an item was edited. For old items, Reddit sends true instead of a time."""
    return value is True or untrusted_text.time(value) is not None


def removed_by(category: str | None, *, removed: bool, by_reddit: bool) -> str | None:
    """Return the item's removal category.

    If Reddit's reply has a `category`, return this category. Otherwise the item's text decides:

    - REDDIT: the text is Reddit's notice of a removal (`by_reddit`).
    - "unknown": the text is only `[removed]` (`removed`).
    - None: the text is neither this notice nor `[removed]`.

    The category OMITTED, which is not Reddit's, becomes "unknown".
    """
    if category == OMITTED:
        return "unknown"
    if by_reddit:
        return category or REDDIT
    return category or ("unknown" if removed else None)


def comment_score(data: dict[str, object]) -> int | None:
    """Return the score of a comment, or None while the subreddit hides the score.

    Reddit returns 1 instead of a hidden score. For posts, the API returns the true score even with
    `hide_score`.
    """
    return None if data.get("score_hidden") is True else untrusted_text.integer(data.get("score"))
