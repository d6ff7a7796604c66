"""Finds the newest item of a page that can become the high-water mark of a crawl.

Later crawls stop reading a listing at items that are not newer than the mark. If the mark were a
wrong id far above all real ids, later crawls would stop at the first page and miss new items. So an
id can become the mark only if it fits the ids and times of the other items.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from crawljobs.domain.reddit_items import Comment, Post

# The largest id that may become the high-water mark without a comparison with other ids. All new
# items have higher ids today, so a later crawl that stops at this mark misses no new item.
SMALL_ID = 36**6
# - SAME_TIME: of two items from the same time, the higher id is less than this factor times the
#   lower id.
# - A_YEAR: within a year, ids grow at most by this factor. The ids of posts have grown at most by
#   the factor 4/3 in a year since 2015.
SAME_TIME = 1.1
A_YEAR = 2.0
_YEAR = timedelta(days=365)


def newest(items: Sequence[Post | Comment], *, now: datetime) -> str | None:
    """Return the highest id that is not too far above the lower ids in `items`.

    Return None if `items` is empty.

    The search starts at the lower median of the ids and goes to higher ids. It stops before the
    first id that is too far above the next lower id. If only one of two or more ids is too high,
    this id is never returned. If the result is lower than the id of the newest item, the next crawl
    makes more requests, but misses no item.
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
    """Return the years from `earlier` to `later`, or to `now` if `now` is earlier. At least 0."""
    return max(min(later, now) - earlier, timedelta(0)) / _YEAR
