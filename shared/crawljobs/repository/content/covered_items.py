"""Find stored posts or comments that a listing should show when a crawl reads it again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    bindparam,
    func,
    select,
)

from crawljobs.db.tables import comments, posts, subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.coverage import ListingName
from crawljobs.repository.sql import inline_time

# Limit of the stored items that are checked, because a listing shows no more items.
SCAN_LIMIT = 1_000

_of_subreddit = bindparam("subreddit_id", type_=BigInteger)


def _stored_below(item: FromClause, oldest_at: ColumnElement[Any]) -> Select[str]:
    """Return a query for stored items older than the bind parameter `before`, the newest first.

    The result ends at the oldest item that crawls have reached in this listing. Older stored items
    come from other requests, such as author histories. The inner LIMIT limits the number of rows
    that the query reads, even if Reddit has removed all these items.
    """
    oldest = select(oldest_at).where(subreddits.c.id == _of_subreddit).scalar_subquery()
    before = func.coalesce(bindparam("before", type_=Timestamp), inline_time("infinity"))
    older = (
        select(item.c.id, item.c.created_at, item.c.deleted_at, item.c.removed_by_category)
        .where(
            item.c.subreddit_id == _of_subreddit,
            item.c.created_at < before,
            item.c.created_at >= oldest,
        )
        .order_by(item.c.created_at.desc())
        .limit(bindparam("scan_limit"))
        .subquery("older")
    )
    return (
        select(older.c.id)
        .where(older.c.deleted_at.is_(None), older.c.removed_by_category.is_(None))
        .order_by(older.c.created_at.desc())
        .limit(bindparam("at_most"))
    )


_STORED_BELOW = {
    ListingName.POSTS: _stored_below(posts, subreddits.c.oldest_post_at),
    ListingName.COMMENTS: _stored_below(comments, subreddits.c.oldest_comment_at),
}


def stored_below(
    conn: Connection,
    *,
    subreddit_id: int,
    listing: ListingName,
    before: datetime | None,
    at_most: int,
) -> list[str]:
    """Return ids of stored items older than `before` that earlier crawls read in this listing.

    If `before` is None, items of any age are returned. The newest item comes first. Removed and
    deleted items are left out.
    """
    values = {
        "subreddit_id": subreddit_id,
        "before": before,
        "scan_limit": SCAN_LIMIT,
        "at_most": at_most,
    }
    return list(conn.execute(_STORED_BELOW[listing], values).scalars())
