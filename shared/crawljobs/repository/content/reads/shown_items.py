"""The posts and comments as the API returns them. A deleted item has no author and no text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, Text, and_, case
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs.db.tables import authors, comments, posts, subreddits
from crawljobs.repository.content.tombstones import KEPT_TEXTS


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A stored post. If `deleted` is true, the author, all texts and `extra` are None.

    `score` is None while the subreddit hides the score. A flag is None if an earlier release stored
    the post and no crawl has read the post since then. The last four fields describe the last fetch
    of the comment tree.
    """

    id: str
    subreddit: str
    author: str | None
    author_flair: str | None
    title: str | None
    body: str | None
    url: str | None
    permalink: str | None
    domain: str | None
    flair: str | None
    flair_template_id: str | None
    score: int | None
    score_hidden: bool | None
    upvote_ratio: float | None
    num_comments: int | None
    num_crossposts: int | None
    total_awards_received: int | None
    distinguished: str | None
    post_hint: str | None
    over_18: bool
    spoiler: bool
    stickied: bool
    locked: bool
    is_self: bool
    is_video: bool | None
    is_gallery: bool | None
    archived: bool | None
    contest_mode: bool | None
    quarantine: bool | None
    crosspost_parent: str | None
    crosspost_author: str | None
    crosspost_subreddit: str | None
    removed_by_category: str | None
    created_at: datetime
    edited: bool
    edited_at: datetime | None
    extra: dict[str, Any] | None
    deleted: bool
    deleted_at: datetime | None
    first_seen_at: datetime
    updated_at: datetime
    checked_at: datetime | None
    tree_fetched_at: datetime | None
    comments_reported: int | None
    comments_stored: int | None
    comments_missing: int | None


@dataclass(frozen=True, slots=True)
class ShownComment:
    """A stored comment. If `deleted` is true, the author, the texts and `extra` are None.

    `parent_id` is the full name of the post (t3_...) or comment (t1_...) to which it replies.
    """

    id: str
    post_id: str
    parent_id: str
    subreddit: str
    author: str | None
    author_flair: str | None
    body: str | None
    score: int | None
    score_hidden: bool | None
    controversiality: int | None
    total_awards_received: int | None
    distinguished: str | None
    collapsed_reason_code: str | None
    stickied: bool
    is_submitter: bool
    locked: bool | None
    archived: bool | None
    removed_by_category: str | None
    created_at: datetime
    edited: bool
    edited_at: datetime | None
    extra: dict[str, Any] | None
    deleted: bool
    deleted_at: datetime | None
    first_seen_at: datetime
    updated_at: datetime
    checked_at: datetime | None


# A page ends before its texts have more characters in all. Otherwise eight requests for 500 posts
# of 40,000 characters would take 1.6 GB of memory. A character has up to 12 bytes in JSON.
PAGE_CHARACTERS = 2 * 2**20
ROWS_AT_ONCE = 50  # rows with texts that are read into memory at the same time

_original = authors.alias("original_author")


def _shown(column: ColumnElement[Any], is_deleted: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return the column. If the item was deleted, texts that are not in KEPT_TEXTS are null.

    The crawler stores a deleted item without its texts. The condition hides the texts of a row that
    another program wrote.
    """
    if column.name == "is_submitter":  # true shows that the author is the author of the post
        return and_(column, ~is_deleted).label(column.name)
    if not isinstance(column.type, Text | JSONB) or column.name in KEPT_TEXTS:
        return column
    return case((~is_deleted, column)).label(column.name)


def columns_of(
    item: FromClause,
    shown: type[ShownPost | ShownComment],
    *,
    subreddit: ColumnElement[str] = subreddits.c.name,
    author: ColumnElement[str] = authors.c.name,
    original_author: ColumnElement[str] = _original.c.name,
) -> list[ColumnElement[Any]]:
    """Return the columns for the fields of the class `shown`, in the order of the fields.

    - `subreddit`, `author`: the columns with the names of the item's subreddit and author.
    - `original_author`: the column with the name of the original author of a crosspost.
    """
    is_deleted = item.c.deleted_at.is_not(None)
    computed = {
        "subreddit": subreddit.label("subreddit"),
        "author": case((~is_deleted, author)).label("author"),
        "crosspost_author": case((~is_deleted, original_author)).label("crosspost_author"),
        "deleted": is_deleted.label("deleted"),
    }
    return [
        computed[name] if name in computed else _shown(item.c[name], is_deleted)
        for name in shown.__dataclass_fields__
    ]


def with_names(item: Table) -> FromClause:
    """Return the table, joined with the subreddit and the authors of each item."""
    joined = item.join(subreddits, subreddits.c.id == item.c.subreddit_id).outerjoin(
        authors, and_(authors.c.id == item.c.author_id, item.c.deleted_at.is_(None))
    )
    if "crosspost_author_id" not in item.c:
        return joined
    return joined.outerjoin(
        _original,
        and_(_original.c.id == item.c.crosspost_author_id, item.c.deleted_at.is_(None)),
    )


POST_COLUMNS = columns_of(posts, ShownPost)
COMMENT_COLUMNS = columns_of(comments, ShownComment)


def characters(row: Mapping[Any, Any]) -> int:
    """Return about how many characters the texts of a row have."""
    return sum(
        len(value) if isinstance(value, str) else len(str(value))
        for value in row.values()
        if isinstance(value, str | dict)
    )


def to_post(row: Mapping[Any, Any]) -> ShownPost:
    """Return the post of a row with POST_COLUMNS."""
    return ShownPost(**{name: row[name] for name in ShownPost.__dataclass_fields__})


def to_comment(row: Mapping[Any, Any]) -> ShownComment:
    """Return the comment of a row with COMMENT_COLUMNS."""
    return ShownComment(**{name: row[name] for name in ShownComment.__dataclass_fields__})
