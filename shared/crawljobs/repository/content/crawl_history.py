"""Record the finished crawls of a subreddit, and read the results that its next crawl needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Connection,
    SmallInteger,
    Text,
    bindparam,
    case,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import map_nodes, missing_parts, subreddits
from crawljobs.domain import missing_part
from crawljobs.domain.missing_part import STORED_MAX, MissingPart
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.sql import CLOCK, inline_number

_subreddit = subreddits.c
_of_subreddit = bindparam("subreddit_id", type_=BigInteger)
_part = (
    select(*(missing_parts.c[name] for name in MissingPart.__dataclass_fields__))
    .where(missing_parts.c.subreddit_id == _of_subreddit)
    .order_by(missing_parts.c.next_look_at)
    .limit(inline_number(STORED_MAX))
    .subquery("part")
)
_BEFORE_CRAWL = select(
    _subreddit.high_water_post,
    _subreddit.high_water_comment,
    _subreddit.min_request_gap_seconds,
    _subreddit.last_crawled_at,
    _subreddit.whole_walk_at,
    _subreddit.access,
    _subreddit.access_unconfirmed,
    select(func.json_agg(_part.table_valued(), type_=JSON))
    .scalar_subquery()
    .label("missing_parts"),
).where(_subreddit.id == _of_subreddit)

# After a finished crawl, the links of its subreddit on the map are computed again. If an earlier
# time is already set for them, that time stays.
_new_node = insert(map_nodes).from_select(
    ["subreddit_id", "due_at", "crawled_at"], select(_of_subreddit, CLOCK.c.now, CLOCK.c.now)
)
_DUE_ON_MAP = _new_node.on_conflict_do_update(
    index_elements=[map_nodes.c.subreddit_id],
    set_={
        "due_at": func.least(map_nodes.c.due_at, _new_node.excluded.due_at),
        "crawled_at": _new_node.excluded.crawled_at,
    },
).cte("due_on_map")
_FINISH_CRAWL = (
    update(subreddits)
    .add_cte(_DUE_ON_MAP)
    .where(_subreddit.id == bindparam("subreddit_id"))
    .values(
        last_crawled_at=CLOCK.c.now,
        access_checked_at=CLOCK.c.now,
        looks_in_vain=inline_number(0),
        next_crawl_at=bindparam("next_crawl_at"),
        depth=func.least(_subreddit.depth, bindparam("depth", type_=SmallInteger)),
        gap_at=case((bindparam("gap", type_=Boolean), CLOCK.c.now), else_=_subreddit.gap_at),
        high_water_post=func.coalesce(bindparam("post", type_=Text), _subreddit.high_water_post),
        high_water_comment=func.coalesce(
            bindparam("comment", type_=Text), _subreddit.high_water_comment
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Marks:
    """High-water marks: the ids of the newest post and comment that finished crawls have seen."""

    post: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class CrawlHistory:
    """The stored state of a subreddit at the start of a crawl.

    `request_gap` is the minimum number of seconds between two requests, or None for the default.
    """

    marks: Marks
    request_gap: float | None
    last_crawled_at: datetime | None
    whole_walk_at: datetime | None = None
    access: AccessState = AccessState.UNKNOWN
    access_unconfirmed: AccessState | None = None
    missing_parts: tuple[MissingPart, ...] = ()


def load_crawl_history(conn: Connection, *, subreddit_id: int) -> CrawlHistory:
    """Return the crawl history of the subreddit, with at most STORED_MAX missing parts."""
    row = conn.execute(_BEFORE_CRAWL, {"subreddit_id": subreddit_id}).one()
    return CrawlHistory(
        marks=Marks(post=row.high_water_post, comment=row.high_water_comment),
        request_gap=row.min_request_gap_seconds,
        last_crawled_at=row.last_crawled_at,
        whole_walk_at=row.whole_walk_at,
        access=AccessState(row.access),
        access_unconfirmed=row.access_unconfirmed and AccessState(row.access_unconfirmed),
        missing_parts=tuple(missing_part.of_json(row.missing_parts)),
    )


def finish_crawl(
    conn: Connection,
    *,
    subreddit_id: int,
    marks: Marks,
    depth: int = 0,
    gap: bool = False,
    next_crawl_at: datetime | None = None,
    now: datetime | None = None,
) -> None:
    """Record a finished crawl.

    - `marks`: the newest post and comment of the crawl, the new high-water marks. None keeps the
      stored mark.
    - `depth`: the depth of the job. A smaller stored depth stays. So a subreddit that a user
      requested has depth 0, even if discovery found the subreddit first.
    - `gap`: the crawl missed items between the old marks and the items that it read.
    """
    conn.execute(
        _FINISH_CRAWL,
        {
            "subreddit_id": subreddit_id,
            "post": marks.post,
            "comment": marks.comment,
            "depth": depth,
            "gap": gap,
            "next_crawl_at": next_crawl_at,
            "now": now,
        },
    )
