"""Count the replies that omit a stored item. After three such replies, mark the item as deleted.

An omission alone is no evidence: of 100 requested names, five to seven are missing without a reason
(decision 151). Only one refresher at a time writes to these rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    SmallInteger,
    Table,
    Text,
    any_,
    case,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import omitted_items, subreddits
from crawljobs.domain.subreddit import OPEN
from crawljobs.repository.content.deletion_checks import omission_marks
from crawljobs.repository.content.deletion_checks.omission_marks import FORGET, TABLES, ids_of
from crawljobs.repository.sql import (
    NOW,
    ids,
    inline_interval,
    inline_number,
    one_of,
    texts,
    times,
    unnested,
)

ENOUGH = 3  # number of counted omissions after which an item is marked as deleted
# The shortest time between two counted omissions of an item.
APART = inline_interval("3 days")
# If an omission cannot be counted, the item is requested again after this time.
AGAIN = inline_interval("1 day")
OPEN_WITHIN = inline_interval("1 day")  # highest age of the last crawl for an omission to count

_row = omitted_items.c


def _stored(table: Table) -> Select[Any]:
    item = table.c
    return select(
        item.id, item.subreddit_id, item.checked_at, item.deleted_at.is_(None).label("is_live")
    ).where(item.id == any_(texts("item_ids")))


STORED = {kind: _stored(table) for kind, table in TABLES.items()}
READABLE = select(subreddits.c.id).where(
    subreddits.c.id == any_(ids("subreddit_ids")),
    one_of(subreddits.c.access, OPEN),
    subreddits.c.access_checked_at > NOW - OPEN_WITHIN,
)
_given = unnested(
    "given",
    name=texts("names"),
    subreddit_id=ids("subreddit_ids"),
    checked_at=times("times"),
)
_first = inline_number(1)
_new = insert(omitted_items).from_select(
    ["name", "subreddit_id", "omissions", "counted_at", "next_look_at"],
    select(_given.c.name, _given.c.subreddit_id, _first, NOW, NOW + APART).order_by(_given.c.name),
)
# This column is literal text. For a Column, SQLAlchemy would add the table to the subquery.
_in_conflict: ColumnElement[str] = literal_column("omitted_items.name", Text)
_seen_at = select(_given.c.checked_at).where(_given.c.name == _in_conflict).scalar_subquery()
# The count begins again in two cases: a crawl saw the item after the last counted omission, or the
# server's clock was set back.
COUNT = _new.on_conflict_do_update(
    index_elements=[_row.name],
    set_={
        "omissions": case(
            (or_(_seen_at > _row.counted_at, _row.counted_at > NOW), _first),
            else_=func.least(_row.omissions + inline_number(1), inline_number(ENOUGH)),
        ).cast(SmallInteger),
        "counted_at": _new.excluded.counted_at,
        "next_look_at": _new.excluded.next_look_at,
    },
    where=or_(_row.counted_at <= NOW - APART, _row.counted_at > NOW),
).returning(_row.name, _row.omissions)
POSTPONE = (
    update(omitted_items)
    .where(_row.name == any_(texts("names")), _row.next_look_at <= NOW)
    .values(next_look_at=NOW + AGAIN)
)


@dataclass(frozen=True)
class Counted:
    """The numbers of counted omissions, and of items that they marked as deleted."""

    counted: int = 0
    marked: int = 0


def record(
    conn: Connection,
    *,
    asked: Collection[str],
    shown: Collection[str],
    now: datetime | None = None,
) -> Counted:
    """Record which of the requested items a complete reply shows, by full name.

    An omission counts if the reply shows another item of the subreddit, if a crawl has read the
    subreddit within a day, and if the last counted omission is at least APART (3 days) ago. After
    ENOUGH (3) counted omissions, the item becomes a tombstone with the category OMITTED.
    """
    conn.execute(FORGET, {"names": sorted(shown)})
    missing = sorted(set(asked) - set(shown))
    if not missing:
        return Counted()
    stored = _stored_rows(conn, asked)
    conn.execute(FORGET, {"names": [name for name in missing if not _is_live(stored.get(name))]})
    if not shown:
        return Counted()
    seen = {stored[name].subreddit_id for name in shown if name in stored}
    values = {"subreddit_ids": sorted(seen), "now": now}
    readable = set(conn.execute(READABLE, values).scalars())
    counting = [
        name
        for name in missing
        if _is_live(stored.get(name)) and stored[name].subreddit_id in readable
    ]
    if not counting:
        return Counted()
    rows = conn.execute(
        COUNT,
        {
            "names": counting,
            "subreddit_ids": [stored[name].subreddit_id for name in counting],
            "times": [stored[name].checked_at for name in counting],
            "now": now,
        },
    ).all()
    enough = sorted(row.name for row in rows if row.omissions >= ENOUGH)
    return Counted(counted=len(rows), marked=omission_marks.mark_deleted(conn, enough, now=now))


def postpone(conn: Connection, *, names: Sequence[str], now: datetime | None = None) -> None:
    """Set the time of the next request for omitted items whose omission was not counted."""
    conn.execute(POSTPONE, {"names": sorted(names), "now": now})


def _stored_rows(conn: Connection, names: Collection[str]) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    for kind, statement in STORED.items():
        chosen = ids_of(names, kind)
        if chosen:
            rows = conn.execute(statement, {"item_ids": chosen})
            found |= {f"{kind}_{row.id}": row for row in rows}
    return found


def _is_live(row: Row[Any] | None) -> bool:
    return row is not None and row.is_live
