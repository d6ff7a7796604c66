"""Compute the activity of a subreddit from its newest stored posts and comments."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
    Integer,
    Subquery,
    bindparam,
    cast,
    extract,
    func,
    select,
    true,
)

from crawljobs.db.tables import comments, posts
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain import revisit
from crawljobs.domain.revisit import Activity
from crawljobs.repository.sql import inline, interval

_AT = bindparam("now", type_=Timestamp)


def _newest(item: FromClause) -> Subquery:
    """Return a query for the creation times of the newest items.

    Its bind parameters limit the number (`newest`) and the age (`within`) of the items.
    """
    return (
        select(item.c.created_at)
        .where(
            item.c.subreddit_id == bindparam("subreddit_id", type_=BigInteger),
            item.c.created_at > _AT - interval("within"),
            item.c.created_at <= _AT,
        )
        .order_by(item.c.created_at.desc())
        .limit(bindparam("newest"))
        .subquery("newest")
    )


def _totals(item: FromClause, name: str) -> Subquery:
    newest = _newest(item)
    return (
        select(func.count().label("number"), func.min(newest.c.created_at).label("oldest"))
        .select_from(newest)
        .subquery(name)
    )


_post, _comment = _totals(posts, "post"), _totals(comments, "comment")
_ACTIVITY = select(
    _post.c.number.label("posts"),
    _post.c.oldest.label("oldest_post"),
    _comment.c.number.label("comments"),
    _comment.c.oldest.label("oldest_comment"),
).select_from(_post.join(_comment, true()))

_newest_posts = _newest(posts)
_hour = cast(
    extract("hour", _newest_posts.c.created_at.op("AT TIME ZONE")(inline("UTC"))), Integer
).label("hour")
_RHYTHM = select(_hour, func.count().label("posts")).select_from(_newest_posts).group_by(_hour)


def activity(conn: Connection, *, subreddit_id: int, now: datetime) -> Activity:
    """Return how active a subreddit is: new items a day, and posts in each hour of the day.

    The number of items a day is the number of posts or of comments a day, whichever is larger.
    """
    values = {
        "subreddit_id": subreddit_id,
        "now": now,
        "within": revisit.NEWEST_WITHIN,
        "newest": revisit.NEWEST_ITEMS,
    }
    row = conn.execute(_ACTIVITY, values).one()
    rate = max(
        revisit.per_day(row.posts, row.oldest_post, now=now),
        revisit.per_day(row.comments, row.oldest_comment, now=now),
    )
    values |= {"within": revisit.RHYTHM_WITHIN, "newest": revisit.RHYTHM_ITEMS}
    by_hour = [0] * 24
    for hour in conn.execute(_RHYTHM, values):
        by_hour[hour.hour] = hour.posts
    return Activity(per_day=rate, by_hour=tuple(by_hour))
