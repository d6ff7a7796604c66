"""Store the coverage of a subreddit: how far back crawls read its listings, and what is missing."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Text,
    bindparam,
    case,
    func,
    select,
    update,
)

from crawljobs.db.tables import crawl_gaps, missing_parts, subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.coverage import Walk
from crawljobs.domain.missing_part import PartReason
from crawljobs.repository.content.crawled_trees import TreeSummary
from crawljobs.repository.sql import NOW, inline, interval

_subreddit = subreddits.c
_of_subreddit = bindparam("of_subreddit", type_=BigInteger)


def _count(rows: FromClause) -> ColumnElement[int]:
    count = select(func.count()).select_from(rows).where(rows.c.subreddit_id == _of_subreddit)
    return count.scalar_subquery()


_first_part_at = (
    select(func.greatest(func.min(missing_parts.c.next_look_at), NOW + interval("soonest")))
    .where(
        missing_parts.c.subreddit_id == _of_subreddit,
        missing_parts.c.reason != inline(PartReason.ALLOWANCE),
    )
    .having(func.count() > 0)
    .scalar_subquery()
)
_post, _post_at = bindparam("post", type_=Text), bindparam("post_at", type_=Timestamp)
_comment, _comment_at = bindparam("comment", type_=Text), bindparam("comment_at", type_=Timestamp)
_walk_end = bindparam("walk_end", type_=Text)
_RECORD = (
    update(subreddits)
    .where(_subreddit.id == _of_subreddit)
    .values(
        missing_parts=_count(missing_parts),
        gaps=_count(crawl_gaps),
        next_crawl_at=func.least(_subreddit.next_crawl_at, _first_part_at),
        oldest_post=case(
            (_subreddit.oldest_post_at <= _post_at, _subreddit.oldest_post),
            else_=func.coalesce(_post, _subreddit.oldest_post),
        ),
        oldest_post_at=func.least(_subreddit.oldest_post_at, _post_at),
        oldest_comment=case(
            (_subreddit.oldest_comment_at <= _comment_at, _subreddit.oldest_comment),
            else_=func.coalesce(_comment, _subreddit.oldest_comment),
        ),
        oldest_comment_at=func.least(_subreddit.oldest_comment_at, _comment_at),
        posts_walk_end=func.coalesce(_walk_end, _subreddit.posts_walk_end),
        whole_walk_at=case((_walk_end.is_(None), _subreddit.whole_walk_at), else_=NOW),
        trees_whole=func.coalesce(bindparam("whole", type_=Integer), _subreddit.trees_whole),
        trees_not_whole=func.coalesce(
            bindparam("not_whole", type_=Integer), _subreddit.trees_not_whole
        ),
    )
)


def record(
    conn: Connection,
    *,
    subreddit_id: int,
    posts: Walk,
    comments: Walk,
    trees: TreeSummary | None,
    soonest_retry: timedelta,
    now: datetime | None = None,
) -> None:
    """Store how far back the crawl read the listings of posts and of comments.

    If a missing part is due before the next crawl, the next crawl moves to the due time of the
    part. Parts with the reason `allowance` do not move the next crawl, because their requests did
    not fail: the crawl had no requests left.

    - `posts`, `comments`: the walks, in which the crawl read the listings page by page. A walk that
      has not ended changes nothing.
    - `trees`: None keeps the stored counts of comment trees.
    - `soonest_retry`: a crawl that is moved to a part's due time runs after this delay at the
      earliest.
    """
    post = posts if posts.end is not None else Walk()
    comment = comments if comments.end is not None else Walk()
    values = {
        "of_subreddit": subreddit_id,
        "soonest": soonest_retry,
        "post": post.oldest,
        "post_at": post.oldest_at,
        "comment": comment.oldest,
        "comment_at": comment.oldest_at,
        "walk_end": post.end if post.is_whole else None,
        "whole": None if trees is None else trees.whole,
        "not_whole": None if trees is None else trees.not_whole,
        "now": now,
    }
    conn.execute(_RECORD, values)
