"""Record the scores of posts, and the numbers of subscribers and active users of subreddits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, not_, or_, select, true
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import post_scores, posts, subreddit_counts, subreddits
from crawljobs.domain.reddit_items import Post, SubredditAbout
from crawljobs.repository.sql import CLOCK, ONE_ROW, ids, inline_interval, texts, unnested

COUNTS_EVERY = "1 hour"  # the shortest time between two rows of a subreddit

# In all subqueries, LIMIT 1 makes the planner use one index lookup for each name or id.
_looks = unnested("looks", key=texts("keys"), subscribers=ids("subscribers"), active=ids("active"))
_subreddit = (
    select(subreddits.c.id)
    .where(func.lower(subreddits.c.name) == _looks.c.key)
    .limit(ONE_ROW)
    .lateral("subreddit")
)
_has_recent_counts = (
    select(subreddit_counts.c.subreddit_id)
    .where(
        subreddit_counts.c.subreddit_id == _subreddit.c.id,
        subreddit_counts.c.seen_at > CLOCK.c.now - inline_interval(COUNTS_EVERY),
    )
    .exists()
)
_RECORD_COUNTS = (
    insert(subreddit_counts)
    .from_select(
        ["subreddit_id", "seen_at", "subscribers", "active"],
        select(_subreddit.c.id, CLOCK.c.now, _looks.c.subscribers, _looks.c.active)
        .select_from(_looks.join(_subreddit, true()).join(CLOCK, true()))
        .where(not_(_has_recent_counts)),
    )
    .on_conflict_do_nothing()
)

_seen = unnested("seen", id=texts("ids"))
_post = (
    select(posts.c.id, posts.c.score, posts.c.num_comments)
    .where(posts.c.id == _seen.c.id, posts.c.deleted_at.is_(None))
    .limit(ONE_ROW)
    .lateral("post")
)
_last = (
    select(post_scores.c.post_id, post_scores.c.score, post_scores.c.num_comments)
    .where(post_scores.c.post_id == _seen.c.id)
    .order_by(post_scores.c.seen_at.desc())
    .limit(ONE_ROW)
    .lateral("last")
)
_RECORD_SCORES = (
    insert(post_scores)
    .from_select(
        ["post_id", "seen_at", "score", "num_comments"],
        select(_post.c.id, CLOCK.c.now, _post.c.score, _post.c.num_comments)
        .select_from(
            _seen.join(_post, true()).outerjoin(_last, true()).join(CLOCK, true()),
        )
        .where(
            or_(
                _last.c.post_id.is_(None),
                _post.c.score.is_distinct_from(_last.c.score),
                _post.c.num_comments.is_distinct_from(_last.c.num_comments),
            )
        ),
    )
    .on_conflict_do_nothing()
)


def record_counts(
    conn: Connection, *, abouts: Sequence[SubredditAbout], now: datetime | None = None
) -> None:
    """Record the numbers of subscribers and active users of these subreddits.

    A subreddit that has a row younger than COUNTS_EVERY gets no new row.

    Descriptions without a number of subscribers are left out, because the subreddit refuses access.
    """
    counted = [about for about in abouts if about.subscribers is not None]
    if not counted:
        return
    values = {
        "keys": [about.name.lower() for about in counted],
        "subscribers": [about.subscribers for about in counted],
        "active": [about.active for about in counted],
        "now": now,
    }
    conn.execute(_RECORD_COUNTS, values)


def record_scores(conn: Connection, *, seen: Sequence[Post], now: datetime | None = None) -> None:
    """For each post, record the score and the number of comments if one of the two has changed.

    The first numbers of a post are always recorded.
    """
    conn.execute(_RECORD_SCORES, {"ids": [post.id for post in seen], "now": now})
