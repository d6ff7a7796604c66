"""Store how much of each post's comment tree was fetched, and find trees that must be fetched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from crawljobs.repository.queue.queue_sql import NOW

# For each post: the number of comments that Reddit reports, and the number of stored comments.
_COUNTS = text("""
    SELECT post.id, coalesce(post.num_comments, 0) AS reported,
        (SELECT count(*) FROM comments WHERE post_id = post.id) AS stored
    FROM posts AS post WHERE post.id = ANY (CAST(:ids AS text[]))
    """)


def _wanted(post_id: str, shown: str) -> str:
    """Return the SQL condition that a post's tree should be fetched, to get missing comments.

    Fewer comments must be stored than Reddit shows (`shown`, limited to :at_most). If the tree was
    fetched before, `shown` must be larger than at the last fetch (`comments_reported`). The
    condition cannot use `num_comments`, because author histories and refreshes change that column.
    """
    return f"""
        (tree_fetched_at IS NULL OR coalesce(comments_reported, -1) < {shown})
        AND (SELECT count(*) FROM (
            SELECT FROM comments WHERE post_id = {post_id} LIMIT least({shown}, :at_most)
        ) AS stored) < least({shown}, :at_most)"""


_WANTING = text(f"""
    SELECT input.id
    FROM unnest(CAST(:ids AS text[]), CAST(:shown AS bigint[])) AS input (id, shown)
        LEFT JOIN LATERAL (
            SELECT tree_fetched_at, comments_reported FROM posts WHERE id = input.id LIMIT 1
        ) AS post ON true
    WHERE {_wanted("input.id", "input.shown")}
    """)

# The transaction has locked comments and now locks a post. Other transactions lock posts first, so
# a wait could deadlock. If another transaction has locked the post, nothing is recorded.
_RECORD = text(f"""
    UPDATE posts SET
        tree_fetched_at = {NOW}, comments_reported = CAST(:reported AS bigint),
        comments_missing = greatest(
            0,
            :missing - greatest(0, stored.count - :brought),
            CAST(:reported AS bigint) - stored.count
        ),
        comments_stored = stored.count
    FROM (SELECT count(*) FROM comments WHERE post_id = :id) AS stored
    WHERE id = (SELECT id FROM posts WHERE id = :id FOR NO KEY UPDATE SKIP LOCKED)
    """)

NEWEST = 1_000  # the number of newest posts that are checked: a listing shows no more posts
STORED_SCAN_LIMIT = 1_000  # the count of a post's stored comments stops at this number

# Subtracts from comments_missing the number of comments that other requests have stored since the
# tree was fetched.
_RECOUNT = text(f"""
    UPDATE posts SET
        comments_missing = greatest(0, comments_missing - (now.count - comments_stored)),
        comments_stored = now.count
    FROM (
        SELECT post.id, (SELECT count(*) FROM comments WHERE post_id = post.id) AS count
        FROM (
            SELECT id FROM posts
            WHERE comments_missing > 0 AND id = ANY (ARRAY(
                SELECT id FROM posts WHERE subreddit_id = :subreddit_id
                ORDER BY created_at DESC LIMIT {NEWEST}
            ))
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        ) AS post
    ) AS now
    WHERE posts.id = now.id AND now.count > comments_stored
    """)

_SUMMARY = text(f"""
    SELECT count(*) FILTER (WHERE is_whole) AS whole,
        count(*) FILTER (WHERE NOT is_whole) AS not_whole
    FROM (
        SELECT CASE
            WHEN coalesce(num_comments, 0) = 0 THEN true
            WHEN tree_fetched_at IS NOT NULL AND comments_reported >= num_comments
                THEN comments_missing <= comments_reported - num_comments
            ELSE (SELECT count(*) FROM (
                SELECT FROM comments WHERE post_id = post.id
                LIMIT least(num_comments, {STORED_SCAN_LIMIT})
            ) AS stored) >= num_comments END AS is_whole
        FROM (
            SELECT id, num_comments, tree_fetched_at, comments_reported, comments_missing
            FROM posts WHERE subreddit_id = :subreddit_id ORDER BY created_at DESC LIMIT {NEWEST}
        ) AS post
    ) AS tree
    """)

_LEFT = text(f"""
    SELECT id, num_comments
    FROM (
        SELECT id, num_comments, tree_fetched_at, comments_reported
        FROM posts WHERE subreddit_id = :subreddit_id ORDER BY created_at DESC LIMIT {NEWEST}
    ) AS post
    WHERE num_comments > 0 AND id <> ALL (CAST(:without AS text[]))
        AND {_wanted("post.id", "num_comments")}
    ORDER BY num_comments DESC, id
    LIMIT :limit
    """)


@dataclass(frozen=True)
class TreeCounts:
    """For each post id: the number of stored comments, and the number that Reddit reports."""

    stored_by_post: Mapping[str, int] = field(default_factory=dict)
    reported_by_post: Mapping[str, int] = field(default_factory=dict)

    def stored(self, post_id: str) -> int:
        return self.stored_by_post.get(post_id, 0)

    def reported(self, post_id: str) -> int:
        return self.reported_by_post.get(post_id, 0)


def counts(conn: Connection, *, post_ids: Sequence[str]) -> TreeCounts:
    """Return how many comments of these posts are stored, and how many Reddit reports."""
    rows = conn.execute(_COUNTS, {"ids": list(post_ids)}).all()
    return TreeCounts({row.id: row.stored for row in rows}, {row.id: row.reported for row in rows})


def wanting(conn: Connection, *, shown: Mapping[str, int], at_most: int) -> set[str]:
    """Return the ids of posts whose comment trees are incomplete and should be fetched.

    `shown` maps each post id to the number of comments that Reddit shows. A crawl fetches at most
    `at_most` comments of a tree, so a post with `at_most` or more stored comments is left out.
    """
    if not shown:
        return set()
    values = {"ids": list(shown), "shown": list(shown.values()), "at_most": at_most}
    return {row.id for row in conn.execute(_WANTING, values)}


def left(
    conn: Connection, *, subreddit_id: int, without: Collection[str], at_most: int, limit: int
) -> dict[str, int]:
    """Find the posts whose comment trees should be fetched, among the subreddit's NEWEST posts.

    The result maps at most `limit` post ids to the posts' numbers of comments, the largest number
    first. Posts in `without`, and posts with `at_most` or more stored comments, are left out.
    """
    values = {
        "subreddit_id": subreddit_id,
        "without": list(without),
        "at_most": at_most,
        "limit": limit,
    }
    return {row.id: row.num_comments for row in conn.execute(_LEFT, values)}


def record(
    conn: Connection, *, post_id: str, reported: int | None, missing: int, brought: int
) -> None:
    """Record that the comment tree of this post was fetched now.

    The fetched tree has `brought` comments, and lacks `missing` comments. If more than `brought`
    comments of the post are stored, the surplus is subtracted from the recorded number of missing
    comments. This number is at least `reported` (Reddit's number of comments) minus all stored
    comments. If another transaction has locked the post, nothing is recorded.
    """
    values = {"id": post_id, "reported": reported, "missing": missing, "brought": brought}
    conn.execute(_RECORD, {**values, "now": None})


@dataclass(frozen=True)
class TreeSummary:
    """The numbers of complete and of incomplete comment trees among a subreddit's newest posts."""

    whole: int
    not_whole: int


def summary(conn: Connection, *, subreddit_id: int) -> TreeSummary:
    """Recount the missing comments of the newest posts, and count complete and incomplete trees."""
    conn.execute(_RECOUNT, {"subreddit_id": subreddit_id})
    row = conn.execute(_SUMMARY, {"subreddit_id": subreddit_id}).one()
    return TreeSummary(whole=row.whole, not_whole=row.not_whole)
