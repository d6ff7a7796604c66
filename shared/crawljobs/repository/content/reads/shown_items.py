"""The posts and comments that readers get. A deleted item has no author and no text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, Text, and_, case

from crawljobs.db.tables import authors, comments, posts, subreddits


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A stored post. If `deleted` is true, the author and all texts are None.

    `score` is None while the subreddit hides the score. The last four fields describe the last
    fetch of the comment tree.
    """

    id: str
    subreddit: str
    author: str | None
    title: str | None
    body: str | None
    url: str | None
    permalink: str | None
    domain: str | None
    flair: str | None
    score: int | None
    upvote_ratio: float | None
    num_comments: int | None
    over_18: bool
    spoiler: bool
    stickied: bool
    locked: bool
    is_self: bool
    crosspost_parent: str | None
    removed_by_category: str | None
    created_at: datetime
    edited: bool
    edited_at: datetime | None
    deleted: bool
    deleted_at: datetime | None
    first_seen_at: datetime
    updated_at: datetime
    tree_fetched_at: datetime | None
    comments_reported: int | None
    comments_stored: int | None
    comments_missing: int | None


@dataclass(frozen=True, slots=True)
class ShownComment:
    """A stored comment. If `deleted` is true, the author and the body are None.

    `parent_id` is the full name of the post (t3_...) or comment (t1_...) above.
    """

    id: str
    post_id: str
    parent_id: str
    subreddit: str
    author: str | None
    body: str | None
    score: int | None
    stickied: bool
    is_submitter: bool
    removed_by_category: str | None
    created_at: datetime
    edited: bool
    edited_at: datetime | None
    deleted: bool
    deleted_at: datetime | None
    first_seen_at: datetime
    updated_at: datetime


# The texts of an item that stay visible after its deletion: they are no content of the author.
_KEPT = frozenset({"id", "post_id", "parent_id", "removed_by_category"})


def _shown(column: ColumnElement[Any], is_deleted: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return the column. A text that is not in _KEPT is null if the item was deleted.

    The crawler stores a deleted item without its texts. The condition protects a reader from a row
    that another program wrote.
    """
    if not isinstance(column.type, Text) or column.name in _KEPT:
        return column
    return case((~is_deleted, column)).label(column.name)


def columns_of(
    item: FromClause,
    shown: type[ShownPost | ShownComment],
    *,
    subreddit: ColumnElement[str] = subreddits.c.name,
    author: ColumnElement[str] = authors.c.name,
) -> list[ColumnElement[Any]]:
    """Return the columns from which an object of the class `shown` is made, in its order.

    `subreddit` and `author` are the columns with the names of the item's subreddit and author.
    """
    is_deleted = item.c.deleted_at.is_not(None)
    computed = {
        "subreddit": subreddit.label("subreddit"),
        "author": case((~is_deleted, author)).label("author"),
        "deleted": is_deleted.label("deleted"),
    }
    return [
        computed[name] if name in computed else _shown(item.c[name], is_deleted)
        for name in shown.__dataclass_fields__
    ]


def with_names(item: Table) -> FromClause:
    """Return the table, joined with the subreddit and the author of each item."""
    return item.join(subreddits, subreddits.c.id == item.c.subreddit_id).outerjoin(
        authors, and_(authors.c.id == item.c.author_id, item.c.deleted_at.is_(None))
    )


POST_COLUMNS = columns_of(posts, ShownPost)
COMMENT_COLUMNS = columns_of(comments, ShownComment)


def to_post(row: Mapping[Any, Any]) -> ShownPost:
    """Return the post of a row with POST_COLUMNS."""
    return ShownPost(**{name: row[name] for name in ShownPost.__dataclass_fields__})


def to_comment(row: Mapping[Any, Any]) -> ShownComment:
    """Return the comment of a row with COMMENT_COLUMNS."""
    return ShownComment(**{name: row[name] for name in ShownComment.__dataclass_fields__})
