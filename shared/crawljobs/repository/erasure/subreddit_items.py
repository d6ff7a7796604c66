"""Delete the posts, the comments and the activity of a subreddit, chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Connection,
    Delete,
    Select,
    Table,
    any_,
    bindparam,
    delete,
    select,
    tuple_,
)

from crawljobs.db.tables import author_subreddits, comments, post_scores, posts
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.sql import array_of, ids, texts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_of_subreddit = bindparam("of_subreddit", type_=BigInteger)
_edge = author_subreddits.c


@dataclass(frozen=True)
class Walked:
    """The number of deleted rows of a chunk, and the place at which the next chunk begins.

    `place` is None if no row follows.
    """

    deleted: int
    place: int | None


def _walk(table: Table) -> Select[tuple[str, datetime, bool]]:
    """Return the query for the subreddit's next items, in the order of their creation.

    `is_older` is true for an item that was stored before the request.
    """
    item = table.c
    is_older = item.first_seen_at <= bindparam("stored_until", type_=Timestamp)
    return (
        select(item.id, item.created_at, is_older.label("is_older"))
        .where(
            item.subreddit_id == _of_subreddit,
            item.created_at >= bindparam("from_time", type_=Timestamp),
        )
        .order_by(item.created_at, item.id)
        .limit(bindparam("at_most"))
    )


def _delete(table: Table) -> Delete:
    locked = (
        select(table.c.id)
        .where(table.c.id == any_(texts("item_ids")))
        .order_by(table.c.id)
        .with_for_update()
    )
    return delete(table).where(table.c.id == any_(array_of(locked)))


WALKS = {table.name: _walk(table) for table in (posts, comments)}
DELETES = {table.name: _delete(table) for table in (posts, comments)}
DELETE_SCORES = delete(post_scores).where(post_scores.c.post_id == any_(texts("item_ids")))
WALK_EDGES = (
    select(_edge.author_id)
    .where(
        _edge.subreddit_id == _of_subreddit,
        tuple_(_edge.subreddit_id, _edge.author_id)
        > tuple_(_of_subreddit, bindparam("after", type_=BigInteger)),
    )
    .order_by(_edge.subreddit_id, _edge.author_id)
    .limit(bindparam("at_most"))
)
DELETE_EDGES = delete(author_subreddits).where(
    _edge.author_id == any_(ids("author_ids")), _edge.subreddit_id == _of_subreddit
)


def delete_items(
    conn: Connection,
    table: Table,
    *,
    subreddit_id: int,
    stored_until: datetime,
    place: int,
    at_most: int,
) -> Walked:
    """Examine the next `at_most` items, and delete those that were stored until `stored_until`.

    `place` is a time of creation in microseconds since 1970, at which the chunk begins. Items that
    a running crawl stores after the request stay.
    """
    values = {
        "of_subreddit": subreddit_id,
        "stored_until": stored_until,
        "from_time": _EPOCH + timedelta(microseconds=place),
        "at_most": at_most,
    }
    rows = conn.execute(WALKS[table.name], values).all()
    older = [row.id for row in rows if row.is_older]
    if older:
        conn.execute(DELETES[table.name], {"item_ids": older})
        if table is posts:
            conn.execute(DELETE_SCORES, {"item_ids": older})
    if len(rows) < at_most:
        return Walked(len(older), None)
    last = (rows[-1].created_at - _EPOCH) // _MICROSECOND
    # If all these items stay and have the same time, the next chunk would examine them again. So
    # the next chunk begins one microsecond later.
    return Walked(len(older), last if older or last > place else last + 1)


def delete_edges(conn: Connection, *, subreddit_id: int, after: int, at_most: int) -> Walked:
    """Delete the subreddit's next rows of authors' activity, in the order of authors' ids."""
    values = {"of_subreddit": subreddit_id, "after": after, "at_most": at_most}
    author_ids = list(conn.execute(WALK_EDGES, values).scalars())
    if author_ids:
        conn.execute(DELETE_EDGES, {**values, "author_ids": author_ids})
    return Walked(len(author_ids), author_ids[-1] if len(author_ids) == at_most else None)
