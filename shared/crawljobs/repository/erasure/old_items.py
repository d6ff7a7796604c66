"""Erase the content of a subreddit's old items. The rows stay as tombstones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    Table,
    Text,
    Update,
    any_,
    bindparam,
    select,
    tuple_,
    update,
)

from crawljobs.db.tables import comments, posts
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.content import tombstones
from crawljobs.repository.erasure.old_content import DueSubreddit
from crawljobs.repository.sql import array_of, texts


def _walk(table: Table) -> Select[Any]:
    """Return the query for the subreddit's next items, in the order of their creation.

    The query also returns tombstones. Otherwise one execution could read very many tombstones
    before it finds an item with content.
    """
    item = table.c
    of_subreddit = bindparam("of_subreddit", type_=BigInteger)
    return (
        select(item.id, item.created_at, item.deleted_at.is_(None).label("has_content"))
        .where(
            item.subreddit_id == of_subreddit,
            tuple_(item.subreddit_id, item.created_at, item.id)
            > tuple_(
                of_subreddit,
                bindparam("since", type_=Timestamp),
                bindparam("after_id", type_=Text),
            ),
            item.created_at < bindparam("until", type_=Timestamp),
        )
        .order_by(item.subreddit_id, item.created_at, item.id)
        .limit(bindparam("at_most"))
    )


def _erase(table: Table) -> Update:
    item = table.c
    locked = (
        select(item.id)
        .where(item.id == any_(texts("item_ids")), item.deleted_at.is_(None))
        .order_by(item.id)
        .with_for_update(key_share=True)
    )
    return (
        update(table).where(item.id == any_(array_of(locked))).values(**tombstones.values_of(table))
    )


WALKS = {table.name: _walk(table) for table in (posts, comments)}
ERASE = {table.name: _erase(table) for table in (posts, comments)}
TABLES = tuple(ERASE)  # the names of the tables
Place = tuple[datetime, str]  # the time of creation and the id of an item


@dataclass(frozen=True)
class ErasedItems:
    """The number of erased rows of a chunk, and the place after which the next chunk begins.

    `place` is None if no item follows.
    """

    rows: int
    place: Place | None


def first_place(due: DueSubreddit) -> Place:
    """Return the place before the first item that the sweep must examine."""
    return due.since, ""


def erase(
    conn: Connection,
    table: str,
    due: DueSubreddit,
    *,
    after: Place,
    at_most: int,
    now: datetime | None = None,
) -> ErasedItems:
    """Examine the next `at_most` posts or comments after the place, and erase their content."""
    values = {
        "of_subreddit": due.id,
        "since": after[0],
        "after_id": after[1],
        "until": due.until,
        "at_most": at_most,
    }
    rows = conn.execute(WALKS[table], values).all()
    chosen = [row.id for row in rows if row.has_content]
    erased = 0
    if chosen:
        erased = conn.execute(ERASE[table], {"item_ids": chosen, "now": now}).rowcount
    is_last = len(rows) < at_most
    return ErasedItems(erased, None if is_last else (rows[-1].created_at, rows[-1].id))
