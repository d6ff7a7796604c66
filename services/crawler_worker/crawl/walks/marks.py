"""Finds the newest item of a page that can become the mark of a crawl.

Later walks stop at the mark. An id far above all real ones would hide each new item until the next
whole walk, so an id counts only in proportion to the ids and times around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from crawljobs.domain.reddit_items import Comment, Post

# A lower id is below every new id of today, so as a mark it hides no item.
SMALL_ID = 36**6
# Two ids of the same time differ by less than this factor. In a year the ids at most double: since
# 2015 those of posts have grown by a third a year at most.
SAME_TIME = 1.1
A_YEAR = 2.0
_YEAR = timedelta(days=365)


def newest(items: Sequence[Post | Comment], *, now: datetime) -> str | None:
    """The highest id of the page that is in proportion to the lower ones; None without items.

    From the lower median upwards, each id is compared with the one below it. One wrong id on a page
    of two or more items is never the newest. A mark that is too low costs only requests.
    """
    if not items:
        return None
    numbered = sorted(((int(item.id, 36), item) for item in items), key=lambda pair: pair[0])
    numbered = numbered[(len(numbered) - 1) // 2 :]
    number, found = numbered[0]
    for next_number, item in numbered[1:]:
        growth = SAME_TIME * A_YEAR ** _years_between(found.created_at, item.created_at, now)
        if next_number > max(SMALL_ID, number * growth):
            break
        number, found = next_number, item
    return found.id


def _years_between(earlier: datetime, later: datetime, now: datetime) -> float:
    """The years between the times of two items; 0 when the later id has the earlier time."""
    return max(min(later, now) - earlier, timedelta(0)) / _YEAR
