"""Find posts and comments whose score, edits and deletion must be fetched again (refreshed).

A new item is refreshed twice, at two ages. An item found between these ages is refreshed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    FromClause,
    Select,
    Table,
    Update,
    and_,
    any_,
    bindparam,
    case,
    or_,
    select,
    union_all,
    update,
)

from crawljobs.db.tables import comments, posts, queue_pauses
from crawljobs.repository.sql import (
    CLOCK,
    NOW,
    ONE_ROW,
    array_of,
    inline,
    inline_interval,
    inline_number,
    texts,
)

# The two ages at which an item is refreshed. At the first age, an item's score hardly changes any
# more. At the second age, moderators have removed most reported items.
FIRST_AGE, LAST_AGE_LENGTH = "interval '36 hours'", "7 days"
LAST_AGE = f"interval '{LAST_AGE_LENGTH}'"

# The time of a new row's first refresh, from the item's created_at, its score and the time `now`.
# Null means no refresh. A subreddit may hide new scores for a while. So an item that is older than
# LAST_AGE is refreshed once if it has no score, otherwise never.
DUE_FOR_REFRESH = f"""CASE
    WHEN created_at > now - {FIRST_AGE} THEN created_at + {FIRST_AGE}
    WHEN created_at > now - {LAST_AGE} THEN created_at + {LAST_AGE}
    WHEN score IS NULL THEN now + {FIRST_AGE} END"""


def _due(item: FromClause, kind: str) -> Select[Any]:
    name = inline(f"{kind}_").concat(item.c.id).label("name")
    is_due = item.c.refresh_due_at <= NOW
    return (
        select(name, item.c.refresh_due_at)
        .where(is_due)
        .order_by(item.c.refresh_due_at)
        .limit(bindparam("at_most"))
    )


_pause = queue_pauses.c
_is_paused = (
    select(_pause.scope)
    .where(_pause.scope == inline_number(0), or_(_pause.until.is_(None), _pause.until > NOW))
    .limit(ONE_ROW)
    .scalar_subquery()
)
_due_items = union_all(_due(posts, "t3"), _due(comments, "t1")).subquery("due")
_DUE = (
    select(_due_items.c.name)
    .where(_is_paused.is_(None))
    .order_by(_due_items.c.refresh_due_at)
    .limit(bindparam("at_most"))
)


def _settle(item: Table) -> Update:
    """Return a statement that sets the time of each item's next refresh.

    The transaction has already stored refreshed items and locked their rows. Waiting for the lock
    of another row could deadlock. So the statement skips rows that another transaction has locked.
    The skipped items stay due.
    """
    free = item.alias("free")
    last_age = inline_interval(LAST_AGE_LENGTH)
    return (
        update(item)
        .where(
            item.c.id
            == any_(
                array_of(
                    select(free.c.id)
                    .where(free.c.id == any_(texts("ids")))
                    .with_for_update(key_share=True, skip_locked=True)
                )
            )
        )
        .values(
            refresh_due_at=case(
                (
                    and_(item.c.deleted_at.is_(None), item.c.created_at > CLOCK.c.now - last_age),
                    item.c.created_at + last_age,
                )
            )
        )
    )


_SETTLE = {"t3": _settle(posts), "t1": _settle(comments)}


def due(conn: Connection, *, at_most: int, now: datetime | None = None) -> list[str]:
    """Return full names of the items that have been due longest, or none if the queue is paused."""
    rows = conn.execute(_DUE, {"at_most": at_most, "now": now})
    return [row.name for row in rows]


def settle(conn: Connection, *, names: Sequence[str], now: datetime | None = None) -> None:
    """Set the next refresh of these items, which were just refreshed.

    An item that is younger than LAST_AGE is refreshed again at that age. An older item is not
    refreshed again. `names` also has the requested items that are missing in Reddit's reply.
    Otherwise these items would stay due.
    """
    for kind, statement in _SETTLE.items():
        ids = [name.removeprefix(f"{kind}_") for name in names if name.startswith(f"{kind}_")]
        if ids:
            conn.execute(statement, {"ids": ids, "now": now})
