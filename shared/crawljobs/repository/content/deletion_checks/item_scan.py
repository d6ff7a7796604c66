"""Read the next items of the walk for deletions, in parts of an index."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
)

from crawljobs.db.tables import comments, posts
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.reddit_items import OMITTED
from crawljobs.repository import index_order
from crawljobs.repository.content.deletion_checks.deletion_walk import FIRST_TIME, Position, Step
from crawljobs.repository.sql import inline, inline_number

# SCAN is the limit of the index entries that one statement reads. One step executes at most SCANS
# statements, because most entries may lead to no request: a crawl saw their items a short time ago.
SCAN = 2_000
SCANS = 10
KINDS = {"posts": "t3", "comments": "t1"}  # the prefixes of full names, in the order of the walk


def _scan(table: Table) -> Select[Any]:
    """Return the statement that reads the next part of the index for at most `at_most` due items.

    If the part has SCAN rows, its last row is always among the results. This row is the position
    from which the next statement continues.
    """
    item = table.c
    part = (
        select(
            item.id,
            item.subreddit_id,
            item.created_at,
            and_(
                or_(item.deleted_at.is_(None), item.removed_by_category == inline(OMITTED)),
                func.coalesce(item.checked_at < bindparam("of_walk", type_=Timestamp), True),
            ).label("is_due"),
        )
        .where(
            tuple_(item.subreddit_id, item.created_at, item.id)
            > tuple_(
                bindparam("of_subreddit", type_=BigInteger),
                bindparam("of_time", type_=Timestamp),
                bindparam("of_item", type_=Text),
            )
        )
        .order_by(item.subreddit_id, item.created_at, item.id)
        .limit(inline_number(SCAN))
        .subquery("part")
    )
    numbered = select(part, func.row_number().over().label("place")).subquery("numbered")
    return (
        select(numbered)
        .where(or_(numbered.c.is_due, numbered.c.place == inline_number(SCAN)))
        .limit(bindparam("at_most"))
    )


SCAN_OF = {table.name: _scan(table) for table in (posts, comments)}


def next_step(conn: Connection, *, before: Position, at_most: int) -> Step:
    """Return the next items after `before` that must be requested, at most `at_most` items.

    Two kinds of items are not requested: deleted items, and items that a crawl saw after the start
    of the walk. Items with the category OMITTED are requested, because Reddit may show them again.
    """
    index_order.follow(conn)
    names: list[str] = []
    at: Position | None = before
    for _ in range(SCANS):
        if at is None or len(names) == at_most:
            break
        found, at = _part(conn, at, at_most=at_most - len(names))
        names += found
    return Step(names, before, at)


def _part(conn: Connection, at: Position, *, at_most: int) -> tuple[list[str], Position | None]:
    """Return the due items of the next part of the index, and the position after them."""
    rows = conn.execute(SCAN_OF[at.table], {**at.values(), "at_most": at_most}).all()
    names = [f"{KINDS[at.table]}_{row.id}" for row in rows if row.is_due]
    if len(rows) == at_most or (rows and rows[-1].place == SCAN):
        last = rows[-1]
        return names, Position(at.walk, at.table, last.subreddit_id, last.created_at, last.id)
    if at.table == "posts":
        return names, Position(at.walk, "comments", 0, FIRST_TIME, "")
    return names, None
