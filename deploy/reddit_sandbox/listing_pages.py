"""Pages of a listing: limits, cursors, the cap, and the orders of posts."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from reddit_sandbox.community import DAY, Post
from reddit_sandbox.item import Item

PAGE = 25
LONGEST_PAGE = 100
# On Reddit, `after` was null after ten full pages and one item.
CAP = 1_001
# A post ranks equal to a post with ten times its score that is this much older.
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
    """The requested limit, at most `most`; the default for an invalid one."""
    try:
        limit = int(text or default)
    except ValueError:
        return default
    return min(limit, most) if limit > 0 else default


def page(
    items: Sequence[Item], *, limit: int, after: str | None = None, before: str | None = None
) -> Page:
    """The page after or before an anchor. An anchor that is not in the listing gives an empty
    page, as on Reddit after the anchor was deleted."""
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
    """A listing object around the children of a page."""
    return _listing(children, after, len(children))


def wrap_replies(children: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A listing object around the comments of a tree, which has no count."""
    return _listing(children, None, None)


def _listing(
    children: Sequence[dict[str, Any]], after: str | None, dist: int | None
) -> dict[str, Any]:
    data = {"after": after, "dist": dist, "modhash": "", "geo_filter": ""}
    return {"kind": "Listing", "data": {**data, "children": list(children), "before": None}}


def hotness(post: Post) -> float:
    """The rank of a post: the order of magnitude of its score plus its time."""
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
    """The posts in an order, best first; for top and controversial a period limits their age."""
    if order in ("top", "controversial"):
        seconds = PERIODS.get(period or "day", DAY)
        posts = [post for post in posts if seconds is None or now - post.at <= seconds]
    return sorted(posts, key=lambda post: (ORDERS[order](post), post.at), reverse=True)
