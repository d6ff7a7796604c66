"""Store how complete a subreddit is: how far back its walks reached, and the gaps between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, TextClause, select, text

from crawljobs.db.tables import crawl_gaps
from crawljobs.domain.coverage import Gap, ListingName, Walk
from crawljobs.repository.content.crawled_trees import TreeSummary
from crawljobs.repository.queue.queue_sql import NOW

GAPS_MAX = 100  # newest gaps that are kept for each subreddit
SCAN_LIMIT = 1_000  # older stored items to check: as many as a listing of Reddit has

_ADD_GAP = text(f"""
    INSERT INTO crawl_gaps AS gap
        (subreddit_id, listing, from_item, from_at, to_item, to_at, found_at)
    VALUES (:subreddit_id, :listing, :from_item,
        CASE CAST(:listing AS text)
            WHEN 'posts' THEN (SELECT created_at FROM posts WHERE id = :from_item)
            ELSE (SELECT created_at FROM comments WHERE id = :from_item) END,
        :to_item, :to_at, {NOW})
    ON CONFLICT (subreddit_id, listing, from_item) DO UPDATE SET
        to_item = excluded.to_item, to_at = excluded.to_at, found_at = excluded.found_at
    """)

# A complete walk has seen every item that is newer than its oldest item.
_CLOSE_GAPS = text("""
    DELETE FROM crawl_gaps
    WHERE subreddit_id = :subreddit_id AND listing = :listing
        AND (CAST(:is_everything AS boolean) OR from_at >= :oldest_at)
    """)


def _stored_below(table: str, oldest_at: str) -> TextClause:
    """Return a query for stored items older than `:before`, the newest first.

    The oldest item that a walk has reached is the lower bound, because other crawls store single
    older items too. The inner LIMIT bounds the cost if all items of a range are removed.
    """
    return text(f"""
        SELECT id FROM (
            SELECT id, created_at, deleted_at, removed_by_category FROM {table}
            WHERE subreddit_id = :subreddit_id
                AND created_at < coalesce(CAST(:before AS timestamptz), 'infinity')
                AND created_at >= (SELECT {oldest_at} FROM subreddits WHERE id = :subreddit_id)
            ORDER BY created_at DESC LIMIT :scan_limit) AS older
        WHERE deleted_at IS NULL AND removed_by_category IS NULL
        ORDER BY created_at DESC LIMIT :at_most
        """)


_STORED_BELOW = {
    ListingName.POSTS: _stored_below("posts", "oldest_post_at"),
    ListingName.COMMENTS: _stored_below("comments", "oldest_comment_at"),
}

_TRIM_GAPS = text("""
    DELETE FROM crawl_gaps WHERE subreddit_id = :subreddit_id AND (listing, from_item) IN (
        SELECT listing, from_item FROM crawl_gaps WHERE subreddit_id = :subreddit_id
        ORDER BY found_at DESC OFFSET :kept)
    """)

_RECORD = text(f"""
    UPDATE subreddits SET
        missing_parts = (SELECT count(*) FROM missing_parts WHERE subreddit_id = :subreddit_id),
        gaps = (SELECT count(*) FROM crawl_gaps WHERE subreddit_id = :subreddit_id),
        next_crawl_at = least(next_crawl_at, (
            SELECT greatest(min(next_look_at), {NOW} + CAST(:soonest AS interval))
            FROM missing_parts WHERE subreddit_id = :subreddit_id AND reason <> 'allowance'
            HAVING count(*) > 0)),
        oldest_post = CASE WHEN oldest_post_at <= :post_at THEN oldest_post
            ELSE coalesce(CAST(:post AS text), oldest_post) END,
        oldest_post_at = least(oldest_post_at, CAST(:post_at AS timestamptz)),
        oldest_comment = CASE WHEN oldest_comment_at <= :comment_at THEN oldest_comment
            ELSE coalesce(CAST(:comment AS text), oldest_comment) END,
        oldest_comment_at = least(oldest_comment_at, CAST(:comment_at AS timestamptz)),
        posts_walk_end = coalesce(CAST(:walk_end AS text), posts_walk_end),
        whole_walk_at = CASE WHEN CAST(:walk_end AS text) IS NULL THEN whole_walk_at ELSE {NOW} END,
        trees_whole = coalesce(CAST(:trees_whole AS integer), trees_whole),
        trees_not_whole = coalesce(CAST(:trees_not_whole AS integer), trees_not_whole)
    WHERE id = :subreddit_id
    """)


@dataclass(frozen=True)
class StoredGap:
    """A gap for a list; `from_at` is None if the item at its older end is not stored."""

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
    """Delete the gaps that these walks have covered, then add the new gaps."""
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
    """Store how far back these walks reached; an unfinished walk changes nothing.

    With `trees` None the stored counts of comment trees stay. The next crawl becomes due when the
    first missing part is due, but not before `soonest_retry` has passed.
    """
    post = posts if posts.end is not None else Walk()
    comment = comments if comments.end is not None else Walk()
    values = {
        "subreddit_id": subreddit_id,
        "soonest": soonest_retry,
        "post": post.oldest,
        "post_at": post.oldest_at,
        "comment": comment.oldest,
        "comment_at": comment.oldest_at,
        "walk_end": post.end if post.is_whole else None,
        "trees_whole": None if trees is None else trees.whole,
        "trees_not_whole": None if trees is None else trees.not_whole,
        "now": now,
    }
    conn.execute(_RECORD, values)


def stored_below(
    conn: Connection,
    *,
    subreddit_id: int,
    listing: ListingName,
    before: datetime | None,
    at_most: int,
) -> list[str]:
    """Return ids of stored items that are older than `before` (None: all) and that a walk covered.

    The newest item comes first. Removed and deleted items are left out.
    """
    values = {
        "subreddit_id": subreddit_id,
        "before": before,
        "scan_limit": SCAN_LIMIT,
        "at_most": at_most,
    }
    return list(conn.execute(_STORED_BELOW[listing], values).scalars())


def list_gaps(conn: Connection, *, subreddit_id: int, at_most: int) -> list[StoredGap]:
    """Return at most `at_most` gaps, the newest first."""
    rows = conn.execute(
        select(*(crawl_gaps.c[name] for name in StoredGap.__dataclass_fields__))
        .where(crawl_gaps.c.subreddit_id == subreddit_id)
        .order_by(crawl_gaps.c.to_at.desc(), crawl_gaps.c.from_item)
        .limit(at_most)
    )
    return [StoredGap(**dict(row._mapping)) for row in rows]
