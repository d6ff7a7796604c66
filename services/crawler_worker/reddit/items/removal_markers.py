"""Reads Reddit's markers of removed, deleted, edited and hidden items."""

from __future__ import annotations

import re

from crawljobs.domain import untrusted_text

REMOVED, DELETED = "[removed]", "[deleted]"
REDDIT = "reddit"  # the category of an item that Reddit itself removed

MARKER_MAX = 400  # characters; Reddit's own texts have fewer than 120
# "[ Removed by Reddit ]", also with a reason, which may contain one link. Users quote these words,
# so only a match of the whole text counts.
_BY_REDDIT = re.compile(
    r"\[\s*removed by reddit\b[^\[\]]*+(?:\[[^\[\]]*+\]\([^()\s]*+\)[^\[\]]*+)?\]", re.IGNORECASE
)


def is_removed_by_reddit(value: object) -> bool:
    """Whether the whole text is Reddit's notice that it removed the item."""
    if not isinstance(value, str) or len(value) > MARKER_MAX:
        return False
    return _BY_REDDIT.fullmatch(value.strip()) is not None


def is_edited(value: object) -> bool:
    """`edited` is a time, or true for items that were edited before Reddit kept the time."""
    return value is True or untrusted_text.time(value) is not None


def removed_by(category: str | None, *, removed: bool, by_reddit: bool) -> str | None:
    """The removal category of the item: Reddit's own, or one derived from its text."""
    if by_reddit:
        return category or REDDIT
    return category or ("unknown" if removed else None)


def comment_score(data: dict[str, object]) -> int | None:
    """The score; None while the subreddit hides it, because Reddit then returns 1.

    A post with `hide_score` returns its true score to API clients.
    """
    return None if data.get("score_hidden") is True else untrusted_text.integer(data.get("score"))
