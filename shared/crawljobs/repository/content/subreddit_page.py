"""The statement that reads one page of the list of subreddits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
    true,
)

from crawljobs.db.tables import subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository import paging
from crawljobs.repository.content import subreddit_rows
from crawljobs.repository.sql import inline_number, inline_time

SCAN_LIMIT = 2_000  # limit of the subreddits that the statement of one page checks

_subreddit = subreddits.c

# _WALK reads at most SCAN_LIMIT names that come after the name `after`. If too few of these names
# match to fill the page, the next page continues after the last name that _WALK read.
_key = func.lower(_subreddit.name)
_WALK = (
    select(
        _subreddit.id,
        _key.label("key"),
        _subreddit.access,
        _subreddit.last_crawled_at,
    )
    .where(_key > bindparam("after", type_=Text))
    .order_by(_key)
    .limit(inline_number(SCAN_LIMIT))
)


def _is_found(row: FromClause) -> ColumnElement[bool]:
    access = bindparam("access", type_=Text)
    contains = bindparam("contains", type_=Text)
    incomplete = cast(bindparam("incomplete"), Boolean)
    crawled_before = bindparam("crawled_before", type_=Timestamp)
    last_crawled_at = func.coalesce(row.c.last_crawled_at, inline_time("-infinity"))
    return and_(
        or_(access.is_(None), row.c.access == access),
        or_(contains.is_(None), func.strpos(row.c.key, contains) > inline_number(0)),
        or_(incomplete.is_(None), subreddit_rows.is_incomplete(row.c.id) == incomplete),
        or_(crawled_before.is_(None), last_crawled_at < crawled_before),
    )


_page = paging.page_of(
    _WALK,
    is_found=_is_found,
    position=lambda row: row.c.key,
    scan_limit=SCAN_LIMIT,
    limit=bindparam("limit", type_=BigInteger),
)
LIST: Select[Any] = (
    select(*subreddit_rows.COLUMNS, *_page.positions)
    .select_from(
        _page.walk_end.outerjoin(_page.found, true()).outerjoin(
            subreddits, _subreddit.id == _page.found.c.id
        )
    )
    .order_by(_page.found.c.place)
)
