"""Record finished crawls of a subreddit, and the newest items that they have seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, Connection, SmallInteger, Text, bindparam, case, func, update

from crawljobs.db.tables import subreddits
from crawljobs.repository.sql import CLOCK, inline_number

_subreddit = subreddits.c
_FINISH_CRAWL = (
    update(subreddits)
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
    """The ids of the newest post and comment that a finished crawl has seen."""

    post: str | None = None
    comment: str | None = None


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
    """Record a finished crawl that has seen all items up to these marks.

    A mark of None keeps the stored mark. `gap` is true if the crawl left a gap below the marks.
    `depth` is the depth of the job. The stored depth becomes the smaller of both: a subreddit that
    a user requested has depth 0, also if discovery found it first.
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
