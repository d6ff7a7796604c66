"""Keyset reads of content from a place in the tables: pages of lists and chunks of exports."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, Table, bindparam, case, func, literal, select, true, tuple_

from benchmarks import content_fill
from crawljobs.db.database import Connection
from crawljobs.db.tables import author_subreddits, authors, comments, posts, subreddits
from crawljobs.db.tables.columns import Timestamp

PAGE, CHUNK = 500, 5_000  # rows
SHORT_TIME = timedelta(days=30)


def _after(table: Table, *key: str, limit: int, of: str | None = None) -> Select[Any]:
    """Return the rows behind a key, in its order. `of` is a column that has one value."""
    columns = [table.c[name] for name in key]
    place = [bindparam(f"at_{name}", type_=table.c[name].type) for name in key]
    rows = select(table).where(tuple_(*columns) > tuple_(*place)).order_by(*columns).limit(limit)
    return rows if of is None else rows.where(table.c[of] == bindparam(f"at_{of}"))


def _created_between(table: Table, *, limit: int) -> Select[Any]:
    """Return the rows behind a key that were created in a short time, of all subreddits.

    The statement looks for each subreddit in the index. A walk through the whole index would read
    all its entries, and return few of their rows.
    """
    subreddit_id = subreddits.c.id
    at_subreddit_id = bindparam("at_subreddit_id")
    is_first = subreddit_id == at_subreddit_id
    begin, end = (bindparam(name, type_=Timestamp) for name in ("begin", "end"))
    at_created_at = bindparam("at_created_at", type_=Timestamp)
    key = (
        case((is_first, func.greatest(begin, at_created_at)), else_=begin),
        case((is_first, bindparam("at_id")), else_=literal("")),
    )
    item = (
        select(table)
        .where(
            table.c.subreddit_id == subreddit_id,
            tuple_(table.c.created_at, table.c.id) > tuple_(*key),
            table.c.created_at < end,
        )
        .order_by(table.c.created_at, table.c.id)
        .limit(limit)
        .lateral("item")
    )
    return (
        select(item)
        .select_from(subreddits.join(item, true()))
        .where(subreddit_id >= at_subreddit_id)
        .order_by(subreddit_id, item.c.created_at, item.c.id)
        .limit(limit)
    )


READS = {
    "500 posts of a subreddit": _after(posts, "created_at", "id", of="subreddit_id", limit=PAGE),
    "500 comments of a subreddit": _after(
        comments, "created_at", "id", of="subreddit_id", limit=PAGE
    ),
    "500 posts of an author": (
        select(posts).where(posts.c.author_id == bindparam("at_author_id")).limit(PAGE)
    ),
    "500 comments of a post": (
        select(comments).where(comments.c.post_id == bindparam("at_post_id")).limit(PAGE)
    ),
    "5,000 posts": _after(posts, "subreddit_id", "created_at", "id", limit=CHUNK),
    "5,000 posts by update": _after(posts, "updated_at", "id", limit=CHUNK),
    "5,000 posts of 30 days": _created_between(posts, limit=CHUNK),
    "5,000 comments": _after(comments, "subreddit_id", "created_at", "id", limit=CHUNK),
    "5,000 comments by update": _after(comments, "updated_at", "id", limit=CHUNK),
    "5,000 comments of 30 days": _created_between(comments, limit=CHUNK),
    "5,000 authors": (
        select(authors)
        .where(authors.c.id > bindparam("at_author_id"))
        .order_by(authors.c.id)
        .limit(CHUNK)
    ),
    "5,000 edges": _after(author_subreddits, "author_id", "subreddit_id", limit=CHUNK),
    "5,000 edges of a subreddit": _after(
        author_subreddits, "author_id", of="subreddit_id", limit=CHUNK
    ),
}

_PLACE = (
    select(posts, comments.c.post_id)
    .join_from(posts, comments, comments.c.id == posts.c.id)
    .where(posts.c.id >= bindparam("first"))
    .order_by(posts.c.id)
    .limit(1)
)


def place(conn: Connection, *, items: int, share: float) -> dict[str, Any]:
    """Return the values of all reads that begin at this share of `items` filled posts."""
    first = content_fill.FIRST_ID + int(items * share) * content_fill.ID_STEP
    row = conn.execute(_PLACE, {"first": f"{first:x}"}).one()
    middle = row.created_at
    return {
        **{f"at_{name}": value for name, value in row._mapping.items()},
        "begin": middle - SHORT_TIME / 2,
        "end": middle + SHORT_TIME / 2,
    }
