"""Store missing parts: optional requests that a crawl gave up, and the time to send them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, bindparam, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import missing_parts as table
from crawljobs.domain.missing_part import (
    FURTHEST_LOOK,
    LISTINGS,
    POSTPONED,
    STORED_MAX,
    MissingPart,
    PartKind,
    PartReason,
)
from crawljobs.repository.sql import NOW, inline, interval

_of_subreddit = bindparam("of_subreddit", type_=BigInteger)

# Postpones two kinds of parts, unless their reason is `allowance`:
#
# - Due parts that the crawl did not request, for example because a setting excludes them.
# - Parts whose next_look_at is more than `furthest` ahead. The time was written before the
#   database's clock was set back.
_POSTPONE = (
    update(table)
    .where(
        table.c.subreddit_id == _of_subreddit,
        table.c.reason != inline(PartReason.ALLOWANCE),
        or_(table.c.next_look_at <= NOW, table.c.next_look_at > NOW + interval("furthest")),
    )
    .values(next_look_at=NOW + interval("postponed"))
)

_newest = table.alias("newest")
_TRIM = delete(table).where(
    table.c.subreddit_id == _of_subreddit,
    tuple_(table.c.kind, table.c.item).in_(
        select(_newest.c.kind, _newest.c.item)
        .where(_newest.c.subreddit_id == _of_subreddit)
        .order_by(_newest.c.last_at.desc())
        .offset(bindparam("kept"))
    ),
)


@dataclass(frozen=True)
class StoredPart:
    """A stored missing part, with the number of its failures and the time of its next request."""

    kind: PartKind
    item: str
    reason: PartReason
    message: str
    failures: int
    first_at: datetime
    last_at: datetime
    next_look_at: datetime


def record(conn: Connection, *, subreddit_id: int, part: MissingPart) -> None:
    """Insert or update a part that the crawl gave up. Older parts beyond STORED_MAX are deleted."""
    values = {
        "reason": part.reason,
        "message": part.message,
        "failures": part.failures,
        "next_look_at": part.next_look_at,
        "seen_to": part.seen_to,
    }
    key = {"subreddit_id": subreddit_id, "kind": part.kind, "item": part.item}
    missing_since = _delete_other_page(conn, subreddit_id, part) if part.kind in LISTINGS else {}
    conn.execute(
        insert(table)
        .values(**key, **values, **missing_since)
        .on_conflict_do_update(
            index_elements=list(key), set_={**values, "last_at": func.clock_timestamp()}
        )
    )
    conn.execute(_TRIM, {"of_subreddit": subreddit_id, "kept": STORED_MAX})


def _delete_other_page(
    conn: Connection, subreddit_id: int, part: MissingPart
) -> dict[str, datetime]:
    """Delete another missing page of the listing, because only one missing page is kept.

    Returns the deleted page's `first_at` (the time of its first failure), so that the row of the
    new page keeps this time. Returns an empty dict if no page was deleted.
    """
    deleted = conn.execute(
        delete(table)
        .where(
            table.c.subreddit_id == subreddit_id,
            table.c.kind == part.kind,
            table.c.item != part.item,
        )
        .returning(table.c.first_at)
    )
    times = deleted.scalars().all()
    return {"first_at": min(times)} if times else {}


def settle(conn: Connection, *, subreddit_id: int, parts: Sequence[MissingPart]) -> None:
    """Delete the rows of these parts, which the crawl has fetched.

    If a part is a page of a listing, delete the rows of all pages of this listing.
    """
    if not parts:
        return
    listings = [part.kind for part in parts if part.kind in LISTINGS]
    others = [(part.kind, part.item) for part in parts if part.kind not in LISTINGS]
    conn.execute(
        delete(table).where(
            table.c.subreddit_id == subreddit_id,
            or_(table.c.kind.in_(listings), tuple_(table.c.kind, table.c.item).in_(others)),
        )
    )


def postpone_due(conn: Connection, *, subreddit_id: int, now: datetime | None = None) -> None:
    """At the end of a crawl, postpone the due parts that the crawl did not request.

    Parts with the reason `allowance` stay due.
    """
    values = {
        "of_subreddit": subreddit_id,
        "postponed": POSTPONED,
        "furthest": FURTHEST_LOOK,
        "now": now,
    }
    conn.execute(_POSTPONE, values)


def list_parts(conn: Connection, *, subreddit_id: int, at_most: int) -> list[StoredPart]:
    """Return at most `at_most` missing parts, the part with the earliest next request first."""
    rows = conn.execute(
        select(*(table.c[name] for name in StoredPart.__dataclass_fields__))
        .where(table.c.subreddit_id == subreddit_id)
        .order_by(table.c.next_look_at, table.c.kind, table.c.item)
        .limit(at_most)
    )
    return [StoredPart(**dict(row._mapping)) for row in rows]
