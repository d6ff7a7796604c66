"""Compose the statements that read one page of the posts or the comments of a subreddit."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
    true,
    tuple_,
)

from crawljobs.db.tables import comments, posts
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository import paging
from crawljobs.repository.content.reads import shown_items
from crawljobs.repository.sql import ONE_ROW, inline_number

SCAN_LIMIT = 2_000  # limit of the items that the statement of one page checks


class ItemSort(StrEnum):
    """The order of a list of items."""

    NEWEST = "-created_at"
    OLDEST = "created_at"


def _bound(name: str) -> ColumnElement[Any]:
    """Return a position in the index: subreddit, time of creation and id."""
    return tuple_(
        bindparam("subreddit_id", type_=BigInteger),
        bindparam(f"{name}_at", type_=Timestamp),
        bindparam(f"{name}_id", type_=Text),
    )


def _walk(item: Table, sort: ItemSort) -> Select[Any]:
    """Select the items between two positions of the index on subreddit, time and id.

    The condition and the order name all three columns, although all items have the same subreddit.
    So only this index has the order, and Postgres uses it with any statistics of the table.
    """
    key = (item.c.subreddit_id, item.c.created_at, item.c.id)
    order = [column.desc() for column in key] if sort is ItemSort.NEWEST else key
    return (
        select(item.c.id, item.c.created_at, item.c.score, item.c.deleted_at)
        .where(tuple_(*key) > _bound("low"), tuple_(*key) < _bound("high"))
        .order_by(*order)
        .limit(inline_number(SCAN_LIMIT))
    )


def _is_found(row: FromClause) -> ColumnElement[bool]:
    score_min = bindparam("score_min", type_=BigInteger)
    score_max = bindparam("score_max", type_=BigInteger)
    deleted = cast(bindparam("deleted"), Boolean)
    return and_(
        or_(score_min.is_(None), row.c.score >= score_min),
        or_(score_max.is_(None), row.c.score <= score_max),
        or_(deleted.is_(None), row.c.deleted_at.is_not(None) == deleted),
    )


def _list(item: Table, columns: list[ColumnElement[Any]], sort: ItemSort) -> Select[Any]:
    page = paging.page_of(
        _walk(item, sort),
        is_found=_is_found,
        position=lambda row: func.jsonb_build_array(row.c.created_at, row.c.id),
        scan_limit=SCAN_LIMIT,
        limit=bindparam("limit", type_=BigInteger),
    )
    # LATERAL with LIMIT 1 makes the planner look up each row by its id.
    whole = (
        select(*columns)
        .select_from(shown_items.with_names(item))
        .where(item.c.id == page.found.c.id)
        .limit(ONE_ROW)
        .lateral("whole")
    )
    return (
        select(*whole.c, *page.positions)
        .select_from(page.walk_end.outerjoin(page.found, true()).outerjoin(whole, true()))
        .order_by(page.found.c.place)
    )


POSTS = {sort: _list(posts, shown_items.POST_COLUMNS, sort) for sort in ItemSort}
COMMENTS = {sort: _list(comments, shown_items.COMMENT_COLUMNS, sort) for sort in ItemSort}
