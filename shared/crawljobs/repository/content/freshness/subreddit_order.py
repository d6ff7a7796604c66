"""List subreddits in their short form, in several orders, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs.db.tables import subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository import paging
from crawljobs.repository.content import subreddit_rows
from crawljobs.repository.content.freshness import lateness
from crawljobs.repository.sql import NOW, inline_number

SCAN_LIMIT = 2_000  # limit of the subreddits that the statement of one page examines

_subreddit = subreddits.c
_key = func.lower(_subreddit.name)


class SubredditSort(StrEnum):
    """The order of a list of subreddits."""

    NAME = "name"
    DUE_FIRST = "next_crawl_at"  # only subreddits with a planned crawl
    OLDEST_CRAWL = "last_crawled_at"  # only crawled subreddits
    NEWEST_CRAWL = "-last_crawled_at"  # only crawled subreddits
    WORST = "-lateness"  # only one page: subreddits due longest, sorted by lateness


# The column of each order, and whether it is descending.
_ORDERS: dict[SubredditSort, tuple[ColumnElement[Any], bool]] = {
    SubredditSort.NAME: (_key, False),
    SubredditSort.DUE_FIRST: (_subreddit.next_crawl_at, False),
    SubredditSort.OLDEST_CRAWL: (_subreddit.last_crawled_at, False),
    SubredditSort.NEWEST_CRAWL: (_subreddit.last_crawled_at, True),
    SubredditSort.WORST: (_subreddit.next_crawl_at, False),
}
_FILTERS: dict[str, Callable[[FromClause], ColumnElement[bool]]] = {
    "access": lambda row: row.c.access == bindparam("access", type_=Text),
    "contains": lambda row: (
        func.strpos(row.c.key, bindparam("contains", type_=Text)) > inline_number(0)
    ),
    "incomplete": lambda row: (
        subreddit_rows.is_incomplete(row.c.id) == cast(bindparam("incomplete"), Boolean)
    ),
    "gap": lambda row: (row.c.gaps > inline_number(0)) == cast(bindparam("gap"), Boolean),
    "lateness": lambda row: lateness.lateness_of(row) == bindparam("lateness", type_=Text),
}


@dataclass(frozen=True)
class SubredditRow:
    """A subreddit in its short form."""

    id: int
    name: str
    access: AccessState
    subscribers: int | None
    over_18: bool | None
    last_crawled_at: datetime | None
    next_crawl_at: datetime | None
    gap_at: datetime | None
    gaps: int
    missing_parts: int


_COLUMNS = tuple(_subreddit[name] for name in SubredditRow.__dataclass_fields__)


@dataclass(frozen=True)
class SubredditRowPage:
    """One page. Pass `next` as `after` for the next page. None: no page follows."""

    rows: list[SubredditRow]
    next: list[Any] | None


@lru_cache(maxsize=128)
def page_statement(
    sort: SubredditSort, given: tuple[str, ...], *, continues: bool, limit: int
) -> Select[Any]:
    """Return the statement of a page with these filters, in this order."""
    key, is_descending = _ORDERS[sort]
    keys = (key,) if sort is SubredditSort.NAME else (key, _subreddit.id)
    where: list[ColumnElement[bool]] = []
    if sort is not SubredditSort.NAME:
        where.append(key.is_not(None))
    if sort is SubredditSort.WORST:
        where.append(key <= NOW)
    if continues:
        kind = Text() if sort is SubredditSort.NAME else Timestamp
        after = [bindparam("after_0", type_=kind), bindparam("after_1", type_=_subreddit.id.type)]
        here, there = tuple_(*keys), tuple_(*after[: len(keys)])
        where.append(here < there if is_descending else here > there)
    walk = (
        select(
            _subreddit.id,
            _key.label("key"),
            _subreddit.access,
            _subreddit.last_crawled_at,
            _subreddit.next_crawl_at,
            _subreddit.gaps,
        )
        .where(*where)
        .order_by(*(each.desc() if is_descending else each for each in keys))
        .limit(inline_number(SCAN_LIMIT))
    )

    def condition(row: FromClause) -> ColumnElement[bool]:
        return and_(true(), *(_FILTERS[name](row) for name in given))

    if sort is SubredditSort.WORST:
        walked = walk.subquery("walked")
        worst = (
            select(walked.c.id, lateness.ratio_of(walked).label("ratio"))
            .where(condition(walked))
            .order_by(lateness.ratio_of(walked).desc().nulls_last(), walked.c.id)
            .limit(inline_number(limit))
            .subquery("worst")
        )
        return (
            select(*_COLUMNS)
            .select_from(worst.join(subreddits, _subreddit.id == worst.c.id))
            .order_by(worst.c.ratio.desc().nulls_last(), worst.c.id)
        )
    names = ("key",) if sort is SubredditSort.NAME else (key.name, "id")
    page = paging.page_of(
        walk,
        is_found=condition,
        position=lambda row: func.jsonb_build_array(*(row.c[name] for name in names), type_=JSONB),
        scan_limit=SCAN_LIMIT,
        limit=inline_number(limit + 1),
    )
    return (
        select(*_COLUMNS, *page.positions)
        .select_from(
            page.walk_end.outerjoin(page.found, true()).outerjoin(
                subreddits, _subreddit.id == page.found.c.id
            )
        )
        .order_by(page.found.c.place)
    )


def list_rows(
    conn: Connection,
    *,
    sort: SubredditSort,
    filters: Mapping[str, Any],
    after: list[Any] | None,
    limit: int,
    now: datetime | None = None,
) -> SubredditRowPage:
    """Return a page of at most `limit` subreddits that match each filter that is not None.

    With WORST, the page has no next page.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    if "contains" in given:
        given["contains"] = given["contains"].lower()
    statement = page_statement(sort, tuple(sorted(given)), continues=after is not None, limit=limit)
    values = {**given, "now": now, **{f"after_{n}": part for n, part in enumerate(after or ())}}
    rows = conn.execute(statement, values).all()
    following = None
    if sort is not SubredditSort.WORST:
        rows, following = paging.cut(rows, limit=limit)
    return SubredditRowPage([_row(each) for each in rows], following)


def _row(row: Any) -> SubredditRow:
    values = {name: row._mapping[name] for name in SubredditRow.__dataclass_fields__}
    return SubredditRow(**{**values, "access": AccessState(values["access"])})
