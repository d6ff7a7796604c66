"""Erase the content of a subreddit that is older than the retention of content.

The sweep goes from subreddit to subreddit, because each index of items begins with the subreddit
(decision 137). The rows stay as tombstones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Table,
    Update,
    and_,
    any_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from crawljobs.db.tables import comments, posts, subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import tombstones
from crawljobs.repository.sql import NOW, array_of, interval, one_of

# A worker may store old items shortly after a sweep, if it began to store them before the sweep. So
# the range of the next sweep begins MARGIN before the end of the last sweep's range. MARGIN is also
# the time between two sweeps of a subreddit.
MARGIN = timedelta(days=1)
BARRED = (AccessState.PRIVATE, AccessState.BANNED)
FIRST = datetime(1970, 1, 1, tzinfo=UTC)

_subreddit = subreddits.c
_is_barred = and_(bindparam("erases_barred", type_=Boolean), one_of(_subreddit.access, BARRED))
# Without a retention, this time is null: no content is too old.
_until: ColumnElement[datetime] = case((_is_barred, NOW), else_=NOW - interval("retention"))
# A subreddit is due MARGIN after its last sweep. A subreddit that became barred is due at once.
NEXT = (
    select(
        _subreddit.id,
        func.coalesce(_subreddit.content_erased_before - interval("margin"), FIRST).label("since"),
        _until.label("until"),
    )
    .where(
        _subreddit.id > bindparam("after", type_=BigInteger),
        or_(
            _subreddit.content_erased_before.is_(None),
            _subreddit.content_erased_before < _until - interval("margin"),
        ),
        _until.is_not(None),
    )
    .order_by(_subreddit.id)
    .limit(bindparam("at_most"))
)
FINISH = (
    update(subreddits)
    .where(_subreddit.id == bindparam("of_subreddit", type_=BigInteger))
    .values(content_erased_before=bindparam("until", type_=Timestamp))
)


def _erase(table: Table) -> Update:
    item = table.c
    chosen = (
        select(item.id)
        .where(
            item.subreddit_id == bindparam("of_subreddit", type_=BigInteger),
            item.created_at >= bindparam("since", type_=Timestamp),
            item.created_at < bindparam("until", type_=Timestamp),
            item.deleted_at.is_(None),
        )
        .order_by(item.created_at, item.id)
        .limit(bindparam("at_most"))
    )
    locked = (
        select(item.id)
        .where(item.id == any_(array_of(chosen)))
        .order_by(item.id)
        .with_for_update(key_share=True)
    )
    return (
        update(table)
        .where(item.id == any_(array_of(locked)))
        .values(**tombstones.values_of(table))
        .returning(item.created_at)
    )


ERASE = {table.name: _erase(table) for table in (posts, comments)}
TABLES = tuple(ERASE)  # the names of the tables


@dataclass(frozen=True)
class DueSubreddit:
    """A subreddit whose items with a time of creation from `since` to `until` must be erased."""

    id: int
    since: datetime
    until: datetime


@dataclass(frozen=True)
class ErasedItems:
    """The number of erased rows of a chunk, and the time at which the next chunk begins.

    `since` is None if no item follows.
    """

    rows: int
    since: datetime | None


def next_due(
    conn: Connection,
    *,
    retention: timedelta | None,
    erases_barred: bool,
    after: int,
    at_most: int,
    now: datetime | None = None,
) -> list[DueSubreddit]:
    """Return the next subreddits that may have content to erase, with ids above `after`, by id.

    `erases_barred`: true erases the whole content of private and banned subreddits.
    """
    values = {
        "retention": retention,
        "erases_barred": erases_barred,
        "margin": MARGIN,
        "after": after,
        "at_most": at_most,
        "now": now,
    }
    return [DueSubreddit(row.id, row.since, row.until) for row in conn.execute(NEXT, values)]


def erase_items(
    conn: Connection,
    table: str,
    due: DueSubreddit,
    *,
    since: datetime,
    at_most: int,
    now: datetime | None = None,
) -> ErasedItems:
    """Erase the content of the next `at_most` posts or comments created at or after `since`.

    The rows stay as tombstones.
    """
    values = {
        "of_subreddit": due.id,
        "since": since,
        "until": due.until,
        "at_most": at_most,
        "now": now,
    }
    times = conn.execute(ERASE[table], values).scalars().all()
    return ErasedItems(len(times), max(times) if len(times) == at_most else None)


def finish(conn: Connection, due: DueSubreddit) -> None:
    """Record that the subreddit has no content that was created before `until`."""
    conn.execute(FINISH, {"of_subreddit": due.id, "until": due.until})
