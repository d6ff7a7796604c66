"""Choose omitted items for another request, with other items of their subreddit as witnesses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, Table, and_, any_, bindparam, select, update

from crawljobs.db.tables import comments, omitted_items, posts, subreddits
from crawljobs.domain.subreddit import OPEN
from crawljobs.repository import index_order
from crawljobs.repository.content.deletion_checks.omitted_items import AGAIN, OPEN_WITHIN
from crawljobs.repository.sql import NOW, inline, inline_number, one_of, texts

CHUNK = 100
# An omission of an item counts only if the same reply shows another item of the subreddit. So a
# request also asks for up to WITNESSES stored items of the subreddit that Reddit probably still
# shows. These items are neither deleted nor omitted, and are among the newest WITNESS_SCAN items.
WITNESSES = 5
WITNESS_SCAN = 50

_row = omitted_items.c
_is_readable = and_(
    one_of(subreddits.c.access, OPEN), subreddits.c.access_checked_at > NOW - OPEN_WITHIN
)
_due = (
    select(_row.name, _row.subreddit_id)
    .where(_row.next_look_at <= NOW)
    .order_by(_row.next_look_at)
    .limit(inline_number(CHUNK))
    .subquery("due")
)
# LATERAL with LIMIT 1 makes the planner look up each subreddit by its id.
_known = (
    select(_is_readable.label("is_readable"))
    .where(subreddits.c.id == _due.c.subreddit_id)
    .limit(inline_number(1))
    .lateral("known")
)
DUE = select(_due.c.name, _due.c.subreddit_id, _known.c.is_readable).join_from(
    _due, _known, inline_number(1) == inline_number(1)
)
WAIT = (
    update(omitted_items).where(_row.name == any_(texts("names"))).values(next_look_at=NOW + AGAIN)
)
OF_SUBREDDIT = (
    select(_row.name)
    .where(
        _row.subreddit_id == bindparam("subreddit_id", type_=BigInteger), _row.next_look_at <= NOW
    )
    .order_by(_row.next_look_at)
    .limit(bindparam("at_most"))
)


def _witnesses(table: Table, kind: str) -> Select[Any]:
    item = table.c
    newest = (
        select(item.id, item.deleted_at)
        .where(item.subreddit_id == bindparam("subreddit_id", type_=BigInteger))
        .order_by(item.created_at.desc(), item.id.desc())
        .limit(inline_number(WITNESS_SCAN))
        .subquery("newest")
    )
    name = inline(f"{kind}_").concat(newest.c.id)
    is_omitted = select(_row.name).where(_row.name == name).exists()
    return (
        select(name.label("name"))
        .where(newest.c.deleted_at.is_(None), ~is_omitted)
        .limit(inline_number(WITNESSES))
    )


WITNESS = {"t3": _witnesses(posts, "t3"), "t1": _witnesses(comments, "t1")}


def next_looks(conn: Connection, *, at_most: int, now: datetime | None = None) -> list[str]:
    """Return the full names for the next request: omitted items of one subreddit, and witnesses.

    Only subreddits that a crawl has read within a day are chosen. The items of other subreddits
    wait for a day. Returns [] if no omitted item is due. A request of fewer than 2 names has no
    witness.
    """
    rows = conn.execute(DUE, {"now": now}).all()
    waiting = sorted(row.name for row in rows if not row.is_readable)
    if waiting:
        conn.execute(WAIT, {"names": waiting, "now": now})
    chosen = next((row.subreddit_id for row in rows if row.is_readable), None)
    if chosen is None:
        return []
    index_order.follow(conn)
    room = max(1, at_most - WITNESSES)
    values = {"subreddit_id": chosen, "at_most": room, "now": now}
    names = list(conn.execute(OF_SUBREDDIT, values).scalars())
    return [*names, *_of_witnesses(conn, chosen)[: at_most - len(names)]]


def _of_witnesses(conn: Connection, subreddit_id: int) -> Sequence[str]:
    for statement in WITNESS.values():
        names = conn.execute(statement, {"subreddit_id": subreddit_id}).scalars().all()
        if names:
            return names
    return []
