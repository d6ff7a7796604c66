"""Build the pages of a listing: order the items, and apply the limit and the cursor."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from reddit_sandbox.community import DAY, Post
from reddit_sandbox.item import Item

PAGE = 25  # number of items on a page if the request has no limit
LONGEST_PAGE = 100  # The limit of the items on one page.
# The limit of the items on all pages of a listing. On Reddit, listings ended after ten pages of 100
# items, and one more item.
CAP = 1_001
# In the order `hot`, a post that is HOT_SECONDS newer has the same rank as a post with a ten times
# higher score.
HOT_SECONDS = 45_000

PERIODS = {
    "hour": 3_600,
    "day": DAY,
    "week": 7 * DAY,
    "month": 30 * DAY,
    "year": 365 * DAY,
    "all": None,
}


class Page(NamedTuple):
    items: Sequence[Item]
    after: str | None


def limit_of(text: str | None, default: int = PAGE, most: int = LONGEST_PAGE) -> int:
    """Return the requested limit, at most `most`. An invalid limit gives the default."""
    try:
        limit = int(text or default)
    except ValueError:
        return default
    return min(limit, most) if limit > 0 else default


def page(
    items: Sequence[Item], *, limit: int, after: str | None = None, before: str | None = None
) -> Page:
    """Return the page after the item `after`, or the page before the item `before`.

    If both are None, return the first page.

    If the listing does not have this item, the page is empty. Reddit also sends an empty page if
    the item was deleted.
    """
    items = items[:CAP]
    start, end = 0, len(items)
    if after:
        start = _where(items, after, end) + 1
        end = start + limit
    elif before:
        end = _where(items, before, 0)
        start = max(0, end - limit)
    else:
        end = limit
    chosen = items[start:end]
    more = bool(chosen) and end < len(items)
    return Page(chosen, chosen[-1].fullname if more else None)


def _where(items: Sequence[Item], name: str, absent: int) -> int:
    return next((i for i, item in enumerate(items) if item.fullname == name), absent)


def wrap(children: Sequence[dict[str, Any]], *, after: str | None = None) -> dict[str, Any]:
    """Return a listing object with the items of a page."""
    return _listing(children, after, len(children))


def wrap_replies(children: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a listing with comments of a tree.

    As on Reddit, the field `dist` of the listing, the number of its items, is null.
    """
    return _listing(children, None, None)


def _listing(
    children: Sequence[dict[str, Any]], after: str | None, dist: int | None
) -> dict[str, Any]:
    data = {"after": after, "dist": dist, "modhash": "", "geo_filter": ""}
    return {"kind": "Listing", "data": {**data, "children": list(children), "before": None}}


def hotness(post: Post) -> float:
    """Return a post's rank: its creation time / HOT_SECONDS, plus or minus log10 of its score."""
    sign = (post.score > 0) - (post.score < 0)
    return sign * math.log10(max(abs(post.score), 1)) + post.at / HOT_SECONDS


ORDERS: dict[str, Callable[[Post], float]] = {
    "new": lambda post: post.at,
    "hot": hotness,
    "rising": lambda post: post.at + 60 * len(post.comments),
    "top": lambda post: post.score,
    "controversial": lambda post: len(post.comments) - post.score,
}


def ordered(posts: Sequence[Post], order: str, period: str | None, now: float) -> list[Post]:
    """Return the posts, sorted by `order`, with the best post first.

    If `order` is `top` or `controversial`, `period` limits the age of the posts.
    """
    if order in ("top", "controversial"):
        seconds = PERIODS.get(period or "day", DAY)
        posts = [post for post in posts if seconds is None or now - post.at <= seconds]
    return sorted(posts, key=lambda post: (ORDERS[order](post), post.at), reverse=True)
