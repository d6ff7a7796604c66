"""Read, list and lock subreddits for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.subreddit import AccessState
from crawljobs.repository import paging
from crawljobs.repository.queue.queue_sql import NOW

SCAN_LIMIT = 2_000  # subreddits that one page checks at most

_COLUMNS = f"""
    id, name, reddit_id, title, description, subscribers, over_18, created_at_reddit, access,
    access_checked_at, access_unconfirmed, access_unconfirmed_looks,
    discovered_from, depth, first_seen_at, last_crawled_at,
    CAST(extract(epoch FROM {NOW} - last_crawled_at) AS float8) AS crawled_seconds_ago,
    next_crawl_at, gap_at, missing_parts, missing_parts > 0 AS incomplete, gaps,
    oldest_post, oldest_post_at, oldest_comment, oldest_comment_at, posts_walk_end, whole_walk_at,
    trees_whole, trees_not_whole,
    posts_walk_end IS NOT DISTINCT FROM 'first_item' AND gaps = 0 AND NOT EXISTS (
        SELECT FROM missing_parts AS part
        WHERE part.subreddit_id = subreddits.id AND part.kind = 'posts') AS known_to_first_post,
    min_request_gap_seconds, min_crawl_gap_seconds,
    CAST(CAST(xmin AS text) AS bigint) AS version"""


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


_FIND_ID = text("SELECT id FROM subreddits WHERE lower(name) = :key")
_GET = text(f"SELECT {_COLUMNS} FROM subreddits WHERE id = :id")
_LOCK = text(f"SELECT {_COLUMNS} FROM subreddits WHERE id = :id FOR NO KEY UPDATE")

# Reads at most SCAN_LIMIT names. If the page is not full, the next page continues after the last
# name.
_WALK = f"""
    SELECT id, lower(name) AS key, access, last_crawled_at, missing_parts FROM subreddits
    WHERE lower(name) > :after
    ORDER BY lower(name) LIMIT {SCAN_LIMIT}
"""
_CONDITIONS = """
    (CAST(:access AS text) IS NULL OR access = :access)
    AND (CAST(:contains AS text) IS NULL OR strpos(key, :contains) > 0)
    AND (CAST(:incomplete AS boolean) IS NULL OR (missing_parts > 0) = :incomplete)
    AND (CAST(:crawled_before AS timestamptz) IS NULL
        OR coalesce(last_crawled_at, '-infinity') < :crawled_before)
"""
_PAGE = paging.common_tables(
    _WALK, conditions=_CONDITIONS, position="key", scan_limit=SCAN_LIMIT, limit=":limit"
)
_LIST = text(f"""{_PAGE}
    SELECT stored.*, found.position, walk_end.position AS walk_end
    FROM walk_end LEFT JOIN found ON true
        LEFT JOIN LATERAL (
            SELECT {_COLUMNS} FROM subreddits WHERE subreddits.id = found.id
        ) AS stored ON true
    ORDER BY found.place
    """)


def find_id(conn: Connection, *, name: str) -> int | None:
    """Return the id of the subreddit with this name in any case; None if it is unknown."""
    found: int | None = conn.execute(_FIND_ID, {"key": name.lower()}).scalar()
    return found


def get_subreddit(
    conn: Connection, *, subreddit_id: int, lock: bool = False, now: datetime | None = None
) -> Subreddit | None:
    """Return the subreddit; None if there is none. `lock` locks it until the transaction ends."""
    row = conn.execute(_LOCK if lock else _GET, {"id": subreddit_id, "now": now}).first()
    return None if row is None else _subreddit(row._mapping)


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
    subreddits = [_subreddit(row._mapping) for row in found[:limit]]
    if len(found) > limit:
        return SubredditPage(subreddits, found[limit - 1].position)
    return SubredditPage(subreddits, rows[0].walk_end)


def _subreddit(row: object) -> Subreddit:
    values = {name: row[name] for name in Subreddit.__dataclass_fields__}  # type: ignore[index]
    return Subreddit(**{**values, "access": AccessState(values["access"])})
