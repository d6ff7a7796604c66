"""The walk through all stored posts and comments that finds deletions at Reddit.

The walk reads the posts and then the comments, each in the order of the index (subreddit_id,
created_at, id). The walk stores only its position, and writes no row of an unchanged item (decision
149).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Connection,
    Double,
    SmallInteger,
    Text,
    and_,
    bindparam,
    cast,
    func,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import deletion_walk, subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.sql import NOW, ONE_ROW, inline_number

FIRST_TIME = datetime(1970, 1, 1, tzinfo=UTC)

_walk = deletion_walk.c
_oldest = select(subreddits.c.first_seen_at).order_by(subreddits.c.id).limit(ONE_ROW)
CREATE = (
    insert(deletion_walk)
    .from_select(
        ["unchecked_since"], select(func.coalesce(_oldest.scalar_subquery(), NOW).label("since"))
    )
    .on_conflict_do_nothing()
)
READ = select(deletion_walk)
_days, _share = bindparam("days", type_=SmallInteger), bindparam("share", type_=Double)
RECORD = (
    update(deletion_walk)
    .where(or_(_walk.check_days.is_distinct_from(_days), _walk.budget_share != _share))
    .values(check_days=_days, budget_share=_share)
)
START = (
    update(deletion_walk)
    .where(
        _walk.started_at.is_(None),
        _walk.unchecked_since
        <= NOW - func.make_interval(0, 0, 0, cast(bindparam("days"), SmallInteger)),
    )
    .values(
        started_at=NOW,
        item_table="posts",
        subreddit_id=inline_number(0),
        created_at=FIRST_TIME,
        item_id="",
    )
    .returning(deletion_walk)
)
_is_here = and_(
    _walk.item_table == bindparam("of_table", type_=Text),
    _walk.subreddit_id == bindparam("of_subreddit", type_=BigInteger),
    _walk.created_at == bindparam("of_time", type_=Timestamp),
    _walk.item_id == bindparam("of_item", type_=Text),
    _walk.started_at == bindparam("of_walk", type_=Timestamp),
)
ADVANCE = (
    update(deletion_walk)
    .where(_is_here)
    .values(
        item_table=bindparam("to_table"),
        subreddit_id=bindparam("to_subreddit"),
        created_at=bindparam("to_time"),
        item_id=bindparam("to_item"),
    )
)
FINISH = (
    update(deletion_walk)
    .where(_is_here)
    .values(unchecked_since=_walk.started_at, started_at=null())
)


@dataclass(frozen=True)
class Position:
    """The last item that the walk passed. `walk` is the time when the walk began."""

    walk: datetime
    table: str
    subreddit_id: int
    created_at: datetime
    item_id: str

    def values(self) -> dict[str, object]:
        return {
            "of_walk": self.walk,
            "of_table": self.table,
            "of_subreddit": self.subreddit_id,
            "of_time": self.created_at,
            "of_item": self.item_id,
        }


@dataclass(frozen=True)
class Step:
    """The next items of the walk, by full name, and the positions before and after these items.

    `after` is None if no item follows. A step without names passes items that need no request.
    """

    names: Sequence[str]
    before: Position
    after: Position | None


def position(
    conn: Connection, *, every: timedelta | None, share: float, now: datetime | None = None
) -> Position | None:
    """Return the position of the walk, or None if no walk is due.

    A new walk begins when the last walk began at least `every` ago. If `every` is None, the walk is
    off. `every` and `share` are stored for the metrics.
    """
    days = None if every is None else every.days
    row = conn.execute(READ).one_or_none()
    if row is None:
        conn.execute(CREATE, {"now": now})
        row = conn.execute(READ).one()
    if (row.check_days, row.budget_share) != (days, share):
        conn.execute(RECORD, {"days": days, "share": share})
    if days is None:
        return None
    if row.started_at is None:
        row = conn.execute(START, {"days": days, "now": now}).one_or_none()
    if row is None:
        return None
    return Position(row.started_at, row.item_table, row.subreddit_id, row.created_at, row.item_id)


def advance(conn: Connection, step: Step) -> bool:
    """Move the walk to the position after the step, or end the walk.

    Return false, and change nothing, if another worker has moved the walk.
    """
    values = step.before.values()
    if step.after is None:
        return conn.execute(FINISH, values).rowcount == 1
    after = step.after
    values |= {
        "to_table": after.table,
        "to_subreddit": after.subreddit_id,
        "to_time": after.created_at,
        "to_item": after.item_id,
    }
    return conn.execute(ADVANCE, values).rowcount == 1
