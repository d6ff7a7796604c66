"""Store the gaps of a subreddit's listings. A gap is a range that no crawl has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    Text,
    bindparam,
    case,
    delete,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import comments as comments_table
from crawljobs.db.tables import crawl_gaps
from crawljobs.db.tables import posts as posts_table
from crawljobs.domain.coverage import Gap, ListingName, Walk
from crawljobs.repository.sql import NOW, inline

GAPS_MAX = 100  # limit of the stored gaps of one subreddit; the newest gaps stay

_gap = crawl_gaps.c
_of_subreddit = bindparam("subreddit_id", type_=BigInteger)


def _created_at(item: FromClause) -> ColumnElement[Any]:
    created_at = select(item.c.created_at).where(item.c.id == bindparam("from_item"))
    return created_at.scalar_subquery()


_new = insert(crawl_gaps).excluded
_ADD_GAP = (
    insert(crawl_gaps)
    .values(
        subreddit_id=_of_subreddit,
        listing=bindparam("listing"),
        from_item=bindparam("from_item"),
        from_at=case(
            (
                bindparam("listing", type_=Text) == inline(ListingName.POSTS),
                _created_at(posts_table),
            ),
            else_=_created_at(comments_table),
        ),
        to_item=bindparam("to_item"),
        to_at=bindparam("to_at"),
        found_at=NOW,
    )
    .on_conflict_do_update(
        index_elements=[_gap.subreddit_id, _gap.listing, _gap.from_item],
        set_={name: _new[name] for name in ("to_item", "to_at", "found_at")},
    )
)

# A complete walk of a listing, page by page, has seen every item that is newer than the oldest item
# of the walk. So the gaps in that range are deleted.
_CLOSE_GAPS = delete(crawl_gaps).where(
    _gap.subreddit_id == _of_subreddit,
    _gap.listing == bindparam("listing"),
    or_(bindparam("is_everything", type_=Boolean), _gap.from_at >= bindparam("oldest_at")),
)


_newest = crawl_gaps.alias("newest")
_TRIM_GAPS = delete(crawl_gaps).where(
    _gap.subreddit_id == _of_subreddit,
    tuple_(_gap.listing, _gap.from_item).in_(
        select(_newest.c.listing, _newest.c.from_item)
        .where(_newest.c.subreddit_id == _of_subreddit)
        .order_by(_newest.c.found_at.desc())
        .offset(bindparam("kept"))
    ),
)


@dataclass(frozen=True)
class StoredGap:
    """A stored gap. `from_at` is None if the item at the older end of the gap is not stored."""

    listing: ListingName
    from_item: str
    from_at: datetime | None
    to_item: str
    to_at: datetime
    found_at: datetime


def record_gaps(
    conn: Connection,
    *,
    subreddit_id: int,
    gaps: Sequence[Gap],
    walks: dict[ListingName, Walk],
    now: datetime | None = None,
) -> None:
    """Delete the gaps that these walks of the listings have covered, then add the new gaps."""
    for listing, walk in walks.items():
        if walk.is_complete:
            values = {
                "subreddit_id": subreddit_id,
                "listing": listing,
                "is_everything": walk.covers_all,
                "oldest_at": walk.oldest_at,
            }
            conn.execute(_CLOSE_GAPS, values)
    for gap in gaps:
        values = {
            "subreddit_id": subreddit_id,
            "listing": gap.listing,
            "from_item": gap.from_item,
            "to_item": gap.to_item,
            "to_at": gap.to_at,
            "now": now,
        }
        conn.execute(_ADD_GAP, values)
    if gaps:
        conn.execute(_TRIM_GAPS, {"subreddit_id": subreddit_id, "kept": GAPS_MAX})


def list_gaps(conn: Connection, *, subreddit_id: int, at_most: int) -> list[StoredGap]:
    """Return at most `at_most` gaps of the subreddit's listings, the newest first."""
    rows = conn.execute(
        select(*(_gap[name] for name in StoredGap.__dataclass_fields__))
        .where(_gap.subreddit_id == subreddit_id)
        .order_by(_gap.to_at.desc(), _gap.from_item)
        .limit(at_most)
    )
    return [StoredGap(**dict(row._mapping)) for row in rows]
