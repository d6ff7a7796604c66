"""Read, list and lock subreddits for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)

from crawljobs.db.tables import missing_parts, subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.coverage import WalkEnd
from crawljobs.domain.missing_part import PartKind
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository import paging
from crawljobs.repository.sql import (
    NOW,
    inline,
    inline_number,
    inline_time,
    row_version,
    seconds,
)

SCAN_LIMIT = 2_000  # subreddits that one page checks at most


@dataclass(frozen=True)
class Subreddit:
    """A subreddit with its access, the state of its crawls, its coverage and its gaps."""

    id: int
    name: str
    reddit_id: str | None
    title: str | None
    description: str | None
    subscribers: int | None
    over_18: bool | None
    created_at_reddit: datetime | None
    access: AccessState
    access_checked_at: datetime | None
    access_unconfirmed: str | None
    access_unconfirmed_looks: int
    discovered_from: int | None
    depth: int
    first_seen_at: datetime
    last_crawled_at: datetime | None
    crawled_seconds_ago: float | None
    next_crawl_at: datetime | None
    gap_at: datetime | None
    incomplete: bool
    missing_parts: int
    gaps: int
    oldest_post: str | None
    oldest_post_at: datetime | None
    oldest_comment: str | None
    oldest_comment_at: datetime | None
    posts_walk_end: str | None
    known_to_first_post: bool
    whole_walk_at: datetime | None
    trees_whole: int | None
    trees_not_whole: int | None
    min_request_gap_seconds: float | None
    min_crawl_gap_seconds: float | None
    version: int  # differs after every change of the row


@dataclass(frozen=True)
class SubredditPage:
    """One page. `next` is the `after` of the next page; None if there is no next page."""

    subreddits: list[Subreddit]
    next: str | None


_subreddit = subreddits.c
_missing_posts = (
    select(literal_column("1"))
    .where(
        missing_parts.c.subreddit_id == _subreddit.id,
        missing_parts.c.kind == inline(PartKind.POSTS),
    )
    .exists()
)
_COMPUTED = (
    seconds(NOW - _subreddit.last_crawled_at).label("crawled_seconds_ago"),
    (_subreddit.missing_parts > inline_number(0)).label("incomplete"),
    and_(
        _subreddit.posts_walk_end.is_not_distinct_from(inline(WalkEnd.FIRST_ITEM)),
        _subreddit.gaps == inline_number(0),
        not_(_missing_posts),
    ).label("known_to_first_post"),
    row_version(subreddits),
)
_COLUMNS = (
    *(_subreddit[name] for name in Subreddit.__dataclass_fields__ if name in _subreddit),
    *_COMPUTED,
)
_FIND_ID = select(_subreddit.id).where(func.lower(_subreddit.name) == bindparam("key"))
_GET = select(*_COLUMNS).where(_subreddit.id == bindparam("id"))
_LOCK = _GET.with_for_update(key_share=True)

# Reads at most SCAN_LIMIT names. If the page is not full, the next page continues after the last
# name.
_key = func.lower(_subreddit.name)
_WALK = (
    select(
        _subreddit.id,
        _key.label("key"),
        _subreddit.access,
        _subreddit.last_crawled_at,
        _subreddit.missing_parts,
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
        or_(incomplete.is_(None), (row.c.missing_parts > inline_number(0)) == incomplete),
        or_(crawled_before.is_(None), last_crawled_at < crawled_before),
    )


_page = paging.page_of(
    _WALK,
    is_found=_is_found,
    position=lambda row: row.c.key,
    scan_limit=SCAN_LIMIT,
    limit=bindparam("limit", type_=BigInteger),
)
_LIST = (
    select(*_COLUMNS, _page.found.c.position, _page.walk_end.c.position.label("walk_end"))
    .select_from(
        _page.walk_end.outerjoin(_page.found, true()).outerjoin(
            subreddits, _subreddit.id == _page.found.c.id
        )
    )
    .order_by(_page.found.c.place)
)


def find_id(conn: Connection, *, name: str) -> int | None:
    """Return the id of the subreddit with this name in any case; None if it is unknown."""
    found: int | None = conn.execute(_FIND_ID, {"key": name.lower()}).scalar()
    return found


def get_subreddit(
    conn: Connection, *, subreddit_id: int, lock: bool = False, now: datetime | None = None
) -> Subreddit | None:
    """Return the subreddit; None if there is none. `lock` locks it until the transaction ends."""
    row = conn.execute(_LOCK if lock else _GET, {"id": subreddit_id, "now": now}).first()
    return None if row is None else _to_subreddit(row._mapping)


def list_subreddits(
    conn: Connection,
    *,
    access: AccessState | None = None,
    contains: str | None = None,
    incomplete: bool | None = None,
    crawled_before: datetime | None = None,
    after: str | None = None,
    limit: int = 100,
    now: datetime | None = None,
) -> SubredditPage:
    """Return a page of at most `limit` subreddits that match the filters, ordered by name.

    A page with fewer subreddits can still have a next page.
    """
    values = {
        "access": access,
        "contains": None if contains is None else contains.lower(),
        "incomplete": incomplete,
        "crawled_before": crawled_before,
        "after": after or "",  # an `IS NULL OR` would lose the index
        "limit": limit + 1,
        "now": now,
    }
    rows = conn.execute(_LIST, values).all()
    found = [row for row in rows if row.id is not None]
    subreddits = [_to_subreddit(row._mapping) for row in found[:limit]]
    if len(found) > limit:
        return SubredditPage(subreddits, found[limit - 1].position)
    return SubredditPage(subreddits, rows[0].walk_end)


def _to_subreddit(row: object) -> Subreddit:
    values = {name: row[name] for name in Subreddit.__dataclass_fields__}  # type: ignore[index]
    return Subreddit(**{**values, "access": AccessState(values["access"])})
