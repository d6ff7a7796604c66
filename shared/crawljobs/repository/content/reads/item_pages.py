"""List the posts or the comments of a subreddit by their time of creation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Select

from crawljobs.repository import index_order, paging
from crawljobs.repository.content.reads import shown_items
from crawljobs.repository.content.reads.item_page_sql import COMMENTS, POSTS, ItemSort
from crawljobs.repository.content.reads.shown_items import ShownComment, ShownPost

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

T = TypeVar("T")


@dataclass(frozen=True)
class ItemFilter:
    """The conditions of a list of items. A field that is None is no condition.

    Items that were created at the time `until` itself do not match. An item whose score is hidden
    matches no condition on the score.
    """

    since: datetime | None = None
    until: datetime | None = None
    score_min: int | None = None
    score_max: int | None = None
    deleted: bool | None = None


@dataclass(frozen=True)
class ItemPage(Generic[T]):
    """One page of items. Pass `next` as `after` for the next page. None: no page follows."""

    items: list[T]
    next: list[str] | None


def list_posts(
    conn: Connection,
    *,
    subreddit_id: int,
    filters: ItemFilter,
    sort: ItemSort = ItemSort.NEWEST,
    after: list[str] | None = None,
    limit: int = 100,
) -> ItemPage[ShownPost]:
    """Return a page of at most `limit` posts of the subreddit that match all filters.

    A page with fewer posts can have a next page, because a page checks at most SCAN_LIMIT posts,
    and has texts of at most PAGE_CHARACTERS.

    `conn` must be in a transaction. The function calls `index_order.follow`, which changes how
    later statements of the transaction read.
    """
    values = _values(subreddit_id, filters, sort, after, limit)
    return _page(conn, POSTS[sort], values, shown_items.to_post)


def list_comments(
    conn: Connection,
    *,
    subreddit_id: int,
    filters: ItemFilter,
    sort: ItemSort = ItemSort.NEWEST,
    after: list[str] | None = None,
    limit: int = 100,
) -> ItemPage[ShownComment]:
    """Return a page of at most `limit` comments of the subreddit. The rules of list_posts apply."""
    values = _values(subreddit_id, filters, sort, after, limit)
    return _page(conn, COMMENTS[sort], values, shown_items.to_comment)


def _values(
    subreddit_id: int, filters: ItemFilter, sort: ItemSort, after: list[str] | None, limit: int
) -> dict[str, Any]:
    # Each id is larger than "". So the position (time, "") is before all items of this time.
    low, high = (filters.since or _FIRST, ""), (filters.until or _LAST, "")
    if after is not None:
        position = (datetime.fromisoformat(after[0]), after[1])
        low, high = (low, position) if sort is ItemSort.NEWEST else (position, high)
    return {
        "subreddit_id": subreddit_id,
        "low_at": low[0],
        "low_id": low[1],
        "high_at": high[0],
        "high_id": high[1],
        "score_min": filters.score_min,
        "score_max": filters.score_max,
        "deleted": filters.deleted,
        "limit": limit + 1,
    }


def _page(
    conn: Connection,
    statement: Select[Any],
    values: dict[str, Any],
    to_item: Callable[[Mapping[Any, Any]], T],
) -> ItemPage[T]:
    index_order.follow(conn)
    streamed = statement.execution_options(stream_results=True, yield_per=shown_items.ROWS_AT_ONCE)
    with conn.execute(streamed, values) as rows:
        found, following = paging.cut_by_size(
            rows,
            limit=values["limit"] - 1,
            size_of=lambda row: shown_items.characters(row._mapping),
            size_max=shown_items.PAGE_CHARACTERS,
        )
    return ItemPage([to_item(row._mapping) for row in found], following)
