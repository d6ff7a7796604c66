"""What was fetched of the comment tree of each post, beside what Reddit reports of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select, text

from crawljobs.db.tables import posts
from crawljobs.repository.queue_sql import NOW

# A count goes no further than it must, however many comments a post has.
_COUNTS = text("""
    SELECT post.id, coalesce(post.num_comments, 0) AS reported,
        (SELECT count(*) FROM comments WHERE post_id = post.id) AS stored
    FROM posts AS post WHERE post.id = ANY (CAST(:ids AS text[]))
    """)

# Posts whose number of comments has changed since the last crawl that came to its end, and whose
# comments are not all here: fewer are stored than Reddit shows, and their tree was not fetched with
# this number. What an unfinished crawl has stored counts as changed: its trees may be missing.
_WANTING = text("""
    SELECT input.id
    FROM unnest(CAST(:ids AS text[]), CAST(:shown AS bigint[])) AS input (id, shown)
        LEFT JOIN LATERAL (
            SELECT tree_fetched_at, comments_reported, num_comments, updated_at
            FROM posts WHERE id = input.id LIMIT 1
        ) AS post ON true
    WHERE (post.num_comments IS DISTINCT FROM input.shown
            OR post.updated_at > coalesce(CAST(:finished_at AS timestamptz), '-infinity'))
        AND (post.tree_fetched_at IS NULL OR post.comments_reported IS DISTINCT FROM input.shown)
        AND (SELECT count(*) FROM (
            SELECT FROM comments WHERE post_id = input.id LIMIT least(input.shown, :at_most)
        ) AS stored) < least(input.shown, :at_most)
    """)

# After the comments, which is late for a post: one that another transaction writes to is left as it
# is, and its tree counts as not fetched with this number.
_RECORD = text(f"""
    UPDATE posts SET
        tree_fetched_at = {NOW}, comments_reported = CAST(:reported AS bigint),
        comments_missing = :missing,
        comments_stored = (SELECT count(*) FROM comments WHERE post_id = :id)
    WHERE id = (SELECT id FROM posts WHERE id = :id FOR NO KEY UPDATE SKIP LOCKED)
    """)

# As many posts as a listing shows: those of all times may be a million.
NEWEST = 1_000
STORED_LOOKED_AT = 1_000  # comments of one post that are counted

_SUMMARY = text(f"""
    SELECT count(*) FILTER (WHERE is_whole) AS whole,
        count(*) FILTER (WHERE NOT is_whole) AS not_whole
    FROM (
        SELECT CASE
            WHEN coalesce(num_comments, 0) = 0 THEN true
            WHEN tree_fetched_at IS NOT NULL AND comments_reported >= num_comments
                THEN comments_missing = 0
            ELSE (SELECT count(*) FROM (
                SELECT FROM comments WHERE post_id = post.id
                LIMIT least(num_comments, {STORED_LOOKED_AT})
            ) AS stored) >= num_comments END AS is_whole
        FROM (
            SELECT id, num_comments, tree_fetched_at, comments_reported, comments_missing
            FROM posts WHERE subreddit_id = :subreddit_id ORDER BY created_at DESC LIMIT {NEWEST}
        ) AS post
    ) AS tree
    """)


@dataclass(frozen=True)
class TreeCounts:
    """Comments of posts, by the post's id."""

    stored_by_post: Mapping[str, int] = field(default_factory=dict)
    reported_by_post: Mapping[str, int] = field(default_factory=dict)

    def stored(self, post_id: str) -> int:
        return self.stored_by_post.get(post_id, 0)

    def reported(self, post_id: str) -> int:
        return self.reported_by_post.get(post_id, 0)


def counts(conn: Connection, *, post_ids: Sequence[str]) -> TreeCounts:
    rows = conn.execute(_COUNTS, {"ids": list(post_ids)}).all()
    return TreeCounts({row.id: row.stored for row in rows}, {row.id: row.reported for row in rows})


def wanting(
    conn: Connection, *, shown: Mapping[str, int], at_most: int, finished_at: datetime | None
) -> set[str]:
    """The posts, of these with the number of comments that Reddit shows, whose tree is worth a
    request: comments are missing, and the tree was not fetched since the number changed.

    `at_most` is the number of comments that are fetched of one tree, `finished_at` the time at
    which the last crawl of the subreddit came to its end.
    """
    if not shown:
        return set()
    values = {
        "ids": list(shown),
        "shown": list(shown.values()),
        "at_most": at_most,
        "finished_at": finished_at,
    }
    return {row.id for row in conn.execute(_WANTING, values)}


def reported_of_newest(conn: Connection, *, subreddit_id: int) -> dict[str, int]:
    """How many comments Reddit reports, by post, of a subreddit's newest posts that have any."""
    query = (
        select(posts.c.id, posts.c.num_comments)
        .where(posts.c.subreddit_id == subreddit_id, posts.c.num_comments > 0)
        .order_by(posts.c.created_at.desc())
        .limit(NEWEST)
    )
    return {row.id: row.num_comments for row in conn.execute(query)}


def record(conn: Connection, *, post_id: str, reported: int | None, missing: int) -> None:
    """The tree was fetched now; `missing` comments of it are known to exist and not stored.

    Nothing is recorded while another transaction writes to the post.
    """
    conn.execute(_RECORD, {"id": post_id, "reported": reported, "missing": missing, "now": None})


@dataclass(frozen=True)
class TreeSummary:
    """Of the newest posts of a subreddit: how many trees are whole."""

    whole: int
    not_whole: int


def summary(conn: Connection, *, subreddit_id: int) -> TreeSummary:
    row = conn.execute(_SUMMARY, {"subreddit_id": subreddit_id}).one()
    return TreeSummary(whole=row.whole, not_whole=row.not_whole)
