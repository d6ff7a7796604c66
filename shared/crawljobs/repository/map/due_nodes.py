"""Choose the subreddit whose links are computed next, and store that its links were computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, select, update
from sqlalchemy.types import BigInteger

from crawljobs.db.tables import map_nodes
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.sql import (
    NOW,
    ONE_ROW,
    array_of,
    inline_interval,
    inline_number,
)

REDO_EVERY = "7 days"
# If a process dies while it computes links, another process computes them after this time.
REDO_AFTER_FAILURE = "1 hour"
CHUNK = 1_000  # limit of the rows that one call of `mend` changes

_node = map_nodes.c
_IS_DUE = _node.due_at <= NOW

# With ORDER BY, Postgres uses the index of due_at for any number of due rows.
_DUE = select(_node.subreddit_id).where(_IS_DUE).order_by(_node.due_at).limit(ONE_ROW)

_TAKE = (
    update(map_nodes)
    .where(
        _node.subreddit_id
        == func.any(
            array_of(
                select(_node.subreddit_id)
                .where(_IS_DUE)
                .order_by(_node.due_at, _node.subreddit_id)
                .limit(ONE_ROW)
                .with_for_update(skip_locked=True, key_share=True)
            )
        )
    )
    .values(due_at=NOW + inline_interval(REDO_AFTER_FAILURE))
    .returning(_node.subreddit_id, NOW.label("now"))
)

_FINISH = (
    update(map_nodes)
    .where(_node.subreddit_id == bindparam("of", type_=BigInteger))
    .values(
        # The links stay due if a crawl or an erasure made them due during the computation.
        # The computation may have read the activity that the erasure then deleted.
        due_at=case(
            (_IS_DUE, _node.due_at),
            (_node.crawled_at > bindparam("began", type_=Timestamp), _node.crawled_at),
            else_=NOW + inline_interval(REDO_EVERY),
        ),
        links_at=NOW,
        author_count=bindparam("authors", type_=BigInteger),
        counted_at=NOW,
    )
)

# Rows that are due later than REDO_EVERY from now. They were written before the clock was set back.
_FAR = _node.due_at > NOW + inline_interval(REDO_EVERY) + inline_interval("1 minute")
_MEND = (
    update(map_nodes)
    .where(
        _node.subreddit_id
        == func.any(
            array_of(
                select(_node.subreddit_id)
                .where(_FAR)
                .order_by(_node.due_at.desc())
                .limit(inline_number(CHUNK))
                .with_for_update(skip_locked=True, key_share=True)
            )
        )
    )
    .values(due_at=NOW, links_at=func.least(_node.links_at, NOW))
)


@dataclass(frozen=True, slots=True)
class TakenNode:
    """A subreddit that `take_due` returned. The process that called `take_due` computes its links.

    `now` is the time of the call of `take_due`.
    """

    subreddit_id: int
    now: datetime


def has_due(conn: Connection, *, now: datetime | None = None) -> bool:
    """Return whether the links of any subreddit must be computed again."""
    return conn.execute(_DUE, {"now": now}).first() is not None


def take_due(conn: Connection, *, now: datetime | None = None) -> TakenNode | None:
    """Take the subreddit whose links have been due for the longest time, or return None.

    Another process can take the subreddit only after `finish`, or after REDO_AFTER_FAILURE.
    """
    row = conn.execute(_TAKE, {"now": now}).one_or_none()
    return None if row is None else TakenNode(row.subreddit_id, row.now)


def finish(
    conn: Connection, *, node: TakenNode, author_count: int, now: datetime | None = None
) -> None:
    """Store that the links were computed, and the number of the subreddit's authors."""
    values = {
        "of": node.subreddit_id,
        "began": node.now,
        "authors": author_count,
        "now": now,
    }
    conn.execute(_FINISH, values)


def mend(conn: Connection, *, now: datetime | None = None) -> int:
    """Make links due whose due time is wrong because the database's clock was set back.

    Returns the number of changed rows, at most CHUNK.
    """
    return conn.execute(_MEND, {"now": now}).rowcount
