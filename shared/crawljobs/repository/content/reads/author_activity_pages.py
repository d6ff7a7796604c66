"""Find an author, and list the author's activity by subreddit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
    tuple_,
)

from crawljobs.db.tables import author_subreddits, authors, subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository import index_order, paging
from crawljobs.repository.sql import ONE_ROW, inline_number

SCAN_LIMIT = 2_000  # limit of the subreddits that the statement of one page checks
_LAST_ID = 2**63 - 1

_author, _edge = authors.c, author_subreddits.c


@dataclass(frozen=True, slots=True)
class ShownAuthor:
    """A stored Reddit account."""

    id: int
    name: str
    reddit_id: str | None
    created_at_reddit: datetime | None
    suspended: bool | None
    first_seen_at: datetime
    history_fetched_at: datetime | None


@dataclass(frozen=True, slots=True)
class Activity:
    """How many posts and comments of one author crawls have seen in one subreddit."""

    subreddit: str
    posts: int
    comments: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class ActivityPage:
    """One page of activity. Pass `next` as `after_id` for the next page. None: no page follows."""

    activity: list[Activity]
    next: int | None


FIND = select(*(_author[name] for name in ShownAuthor.__dataclass_fields__)).where(
    func.lower(_author.name) == func.lower(bindparam("of_name", type_=Text))
)


def _place(subreddit: str) -> ColumnElement[Any]:
    """Return a position in the primary key: author and subreddit."""
    return tuple_(bindparam("author_id", type_=BigInteger), bindparam(subreddit, type_=BigInteger))


_key = tuple_(_edge.author_id, _edge.subreddit_id)
_WALK = (
    select(
        _edge.subreddit_id.label("id"),
        *(_edge[name] for name in ("posts", "comments", "first_at", "last_at")),
    )
    .where(_key > _place("after_id"), _key <= _place("last_id"))
    .order_by(_edge.author_id, _edge.subreddit_id)
    .limit(inline_number(SCAN_LIMIT))
)


def _is_found(row: FromClause) -> ColumnElement[bool]:
    since, until = bindparam("since", type_=Timestamp), bindparam("until", type_=Timestamp)
    return and_(
        or_(since.is_(None), row.c.last_at >= since),
        or_(until.is_(None), row.c.first_at < until),
    )


_page = paging.page_of(
    _WALK,
    is_found=_is_found,
    position=lambda row: row.c.id,
    scan_limit=SCAN_LIMIT,
    limit=bindparam("limit", type_=BigInteger),
)
_found_key = tuple_(bindparam("author_id", type_=BigInteger), _page.found.c.id)
_whole = (
    select(
        _edge.subreddit_id.label("id"),
        subreddits.c.name.label("subreddit"),
        *(_edge[name] for name in ("posts", "comments", "first_at", "last_at")),
    )
    .select_from(
        author_subreddits.join(subreddits, subreddits.c.id == _edge.subreddit_id),
    )
    .where(_key == _found_key)
    .limit(ONE_ROW)
    .lateral("whole")
)
LIST: Select[Any] = (
    select(*_whole.c, *_page.positions)
    .select_from(_page.walk_end.outerjoin(_page.found, true()).outerjoin(_whole, true()))
    .order_by(_page.found.c.place)
)


def find_author(conn: Connection, *, name: str) -> ShownAuthor | None:
    """Return the author with this name, or None. The case of the name is ignored."""
    row = conn.execute(FIND, {"of_name": name}).first()
    return None if row is None else ShownAuthor(**row._mapping)


def list_activity(
    conn: Connection,
    *,
    author_id: int,
    since: datetime | None = None,
    until: datetime | None = None,
    after_id: int | None = None,
    limit: int = 100,
) -> ActivityPage:
    """Return a page of at most `limit` subreddits in which the author was active.

    A subreddit is listed if the author's last activity in it is at `since` or later, and the first
    activity is before `until`. A page checks at most SCAN_LIMIT subreddits. So a page with fewer
    subreddits can have a next page.

    `conn` must be in a transaction. The function calls `index_order.follow`, which changes how
    later statements of the transaction read.
    """
    values = {
        "author_id": author_id,
        "after_id": after_id or 0,
        "last_id": _LAST_ID,
        "since": since,
        "until": until,
        "limit": limit + 1,
    }
    index_order.follow(conn)
    rows, following = paging.cut(conn.execute(LIST, values).all(), limit=limit)
    found = [
        Activity(**{name: row._mapping[name] for name in Activity.__dataclass_fields__})
        for row in rows
    ]
    return ActivityPage(found, following)
