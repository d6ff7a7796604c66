"""Compose the SQL that reads the next rows of an export in the order of a key, from one index."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Table,
    Text,
    bindparam,
    case,
    select,
    true,
    tuple_,
)

from crawljobs.db.tables import (
    author_subreddits,
    authors,
    comments,
    map_nodes,
    posts,
    subreddit_links,
    subreddits,
)
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.exports.export_plan import ExportKind, ExportOrder
from crawljobs.repository.sql import inline, inline_number

TABLES: dict[ExportKind, Table] = {
    ExportKind.POSTS: posts,
    ExportKind.COMMENTS: comments,
    ExportKind.AUTHORS: authors,
    ExportKind.SUBREDDITS: subreddits,
    ExportKind.EDGES: author_subreddits,
    ExportKind.LINKS: subreddit_links,
    ExportKind.MAP_NODES: map_nodes,
}
KEYS: dict[ExportOrder, tuple[str, ...]] = {
    ExportOrder.WHOLE: ("subreddit_id", "created_at", "id"),
    ExportOrder.SPAN: ("subreddit_id", "created_at", "id"),
    ExportOrder.SUBREDDIT: ("subreddit_id", "created_at", "id"),
    ExportOrder.UPDATED: ("updated_at", "id"),
    ExportOrder.ID: ("id",),
    ExportOrder.EDGE: ("author_id", "subreddit_id"),
    ExportOrder.SUBREDDIT_EDGE: ("subreddit_id", "author_id"),
    ExportOrder.LINK: ("a_id", "b_id"),
    ExportOrder.NODE: ("subreddit_id",),
}
# In these orders, all rows have the same subreddit_id, which is the first column of the key.
OF_ONE_SUBREDDIT = frozenset({ExportOrder.SUBREDDIT, ExportOrder.SUBREDDIT_EDGE})


def position_columns(order: ExportOrder) -> tuple[str, ...]:
    """Return the columns of the key whose values differ between the rows of an export."""
    return KEYS[order][1:] if order in OF_ONE_SUBREDDIT else KEYS[order]


def _bound(table: Table, order: ExportOrder, name: str) -> ColumnElement[Any]:
    """Return a bound of the walk as a tuple of parameters. `name` is `low` or `high`."""
    varies = position_columns(order)
    return tuple_(
        *(
            bindparam(
                f"{name}_{column}" if column in varies else column, type_=table.c[column].type
            )
            for column in KEYS[order]
        )
    )


def walked(kind: ExportKind, order: ExportOrder, rows: int) -> FromClause:
    """Return the next rows in the order of the key, between the positions `low` and `high`.

    The conditions and the ORDER BY have all columns of the key. So Postgres uses the index on these
    columns, even if the statistics of the table are old.
    """
    table = TABLES[kind]
    if order is ExportOrder.SPAN:
        return _walked_by_subreddit(table, rows)
    key = [table.c[column] for column in KEYS[order]]
    walk = select(table).where(
        tuple_(*key) > _bound(table, order, "low"), tuple_(*key) < _bound(table, order, "high")
    )
    return walk.order_by(*key).limit(inline_number(rows)).subquery("item")


def _walked_by_subreddit(table: Table, rows: int) -> FromClause:
    """Return the next rows of a span of time, sorted by subreddit.

    For each subreddit, the statement reads only the span of time from the index. A read of the
    whole index would also read the items outside the span.
    """
    low, high = (bindparam(f"{n}_subreddit_id", type_=BigInteger) for n in ("low", "high"))
    is_first = subreddits.c.id == low
    since, until = bindparam("since", type_=Timestamp), bindparam("until", type_=Timestamp)
    begin = tuple_(
        case((is_first, bindparam("low_created_at", type_=Timestamp)), else_=since),
        case((is_first, bindparam("low_id", type_=Text)), else_=inline("")),
    )
    key = (table.c.created_at, table.c.id)
    of_subreddit = (
        select(table)
        .where(
            table.c.subreddit_id == subreddits.c.id,
            tuple_(*key) > begin,
            tuple_(*key) < tuple_(until, inline("")),
        )
        .order_by(*key)
        .limit(inline_number(rows))
        .lateral("of_subreddit")
    )
    return (
        select(of_subreddit)
        .select_from(subreddits.join(of_subreddit, true()))
        .where(subreddits.c.id >= low, subreddits.c.id <= high)
        .order_by(subreddits.c.id, of_subreddit.c.created_at, of_subreddit.c.id)
        .limit(inline_number(rows))
        .subquery("item")
    )
