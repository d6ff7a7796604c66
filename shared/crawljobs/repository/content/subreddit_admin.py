"""Read, list and lock subreddits for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Connection,
    bindparam,
    func,
    select,
)

from crawljobs.db.tables import subreddits
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository import paging
from crawljobs.repository.content import subreddit_page, subreddit_rows
from crawljobs.repository.content.subreddit_rows import Subreddit


@dataclass(frozen=True)
class SubredditPage:
    """A page of subreddits. Pass `next` as `after` for the next page. Last page: `next` is None."""

    subreddits: list[Subreddit]
    next: str | None


_FIND_ID = select(subreddits.c.id).where(func.lower(subreddits.c.name) == bindparam("key"))
_GET = select(*subreddit_rows.COLUMNS).where(subreddits.c.id == bindparam("id"))
_LOCK = _GET.with_for_update(key_share=True)


def find_id(conn: Connection, *, name: str) -> int | None:
    """Return the id of the subreddit with this name, or None. The case of the name is ignored."""
    found: int | None = conn.execute(_FIND_ID, {"key": name.lower()}).scalar()
    return found


def get_subreddit(
    conn: Connection, *, subreddit_id: int, lock: bool = False, now: datetime | None = None
) -> Subreddit | None:
    """Return the subreddit or None. With `lock`, lock its row until the transaction ends."""
    row = conn.execute(_LOCK if lock else _GET, {"id": subreddit_id, "now": now}).first()
    return None if row is None else subreddit_rows.to_subreddit(row._mapping)


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

    A page with fewer subreddits can have a next page, because a page checks at most SCAN_LIMIT
    names.
    """
    values = {
        "access": access,
        "contains": None if contains is None else contains.lower(),
        "incomplete": incomplete,
        "crawled_before": crawled_before,
        # The first page begins after "", which sorts before all names. A null would need the
        # condition `:after IS NULL OR ...`, for which Postgres could not use the index.
        "after": after or "",
        "limit": limit + 1,
        "now": now,
    }
    rows = conn.execute(subreddit_page.LIST, values).all()
    found, following = paging.cut(rows, limit=limit)
    subreddits = [subreddit_rows.to_subreddit(row._mapping) for row in found]
    return SubredditPage(subreddits, following)
