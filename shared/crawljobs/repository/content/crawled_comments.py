"""Store comments. A comment that did not change is neither written nor locked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from crawljobs.domain.reddit_items import Comment
from crawljobs.repository.content import crawled_edges
from crawljobs.repository.content.crawled_edges import Counts
from crawljobs.repository.content.crawled_posts import Written
from crawljobs.repository.content.refreshes import DUE_FOR_REFRESH

# The columns that a later reply of Reddit may change.
_CONTENT = "author_id, body, score, stickied, is_submitter, removed_by_category, edited_at, edited"


def _of(row: str) -> str:
    return ", ".join(f"{row}.{column}" for column in _CONTENT.split(", "))


# A deleted comment stays deleted, and LIMIT 1 forces an index lookup, as in crawled_posts.
_WRITE = f"""
    WITH input AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS input (
            id text, post_id text, parent_id text, subreddit_id bigint, author_id bigint,
            body text, score bigint, stickied boolean, is_submitter boolean,
            removed_by_category text, created_at timestamptz, edited_at timestamptz, edited boolean,
            deleted boolean, mentions text[])
    ), changed AS (
        SELECT input.*
        FROM input LEFT JOIN LATERAL (SELECT * FROM comments WHERE id = input.id LIMIT 1) AS stored
            ON true
        WHERE stored.id IS NULL OR (
            (stored.deleted_at IS NULL OR input.deleted)
            AND ROW(stored.deleted_at IS NOT NULL, {_of("stored")})
                IS DISTINCT FROM ROW(input.deleted, {_of("input")}))
        ORDER BY input.id
    ), written AS (
        INSERT INTO comments AS stored (
            id, post_id, parent_id, subreddit_id, created_at, {_CONTENT},
            deleted_at, first_seen_at, updated_at, refresh_due_at
        )
        SELECT id, post_id, parent_id, subreddit_id, created_at, {_CONTENT},
            CASE WHEN deleted THEN now END, now, now,
            CASE WHEN NOT deleted THEN {DUE_FOR_REFRESH} END
        FROM changed, (SELECT clock_timestamp()) AS clock (now)
        ON CONFLICT (id) DO UPDATE SET
            ({_CONTENT}) = ROW({_of("excluded")}),
            deleted_at = coalesce(stored.deleted_at, excluded.deleted_at),
            updated_at = excluded.updated_at
        WHERE stored.deleted_at IS NULL OR excluded.deleted_at IS NOT NULL
        RETURNING id, author_id, subreddit_id, created_at, xmax = 0 AS inserted
    )
"""
_EDGES = """
        SELECT author_id, subreddit_id, 0 AS posts, count(*) AS comments,
            min(created_at) AS first_at, max(created_at) AS last_at
        FROM written WHERE inserted AND author_id IS NOT NULL
        GROUP BY author_id, subreddit_id"""
_EVIDENCE = """
        SELECT written.subreddit_id AS found_in, mention.name,
            count(DISTINCT coalesce(written.author_id, 0)) AS mentions, 0 AS crossposts
        FROM written JOIN input USING (id) CROSS JOIN unnest(input.mentions) AS mention (name)
        WHERE written.inserted
        GROUP BY written.subreddit_id, mention.name"""
_UPSERT = text(f"""{_WRITE}, {crawled_edges.counting(edges=_EDGES, evidence=_EVIDENCE)}
    SELECT {crawled_edges.WRITTEN} FROM written
    """)
_UPSERT_AND_TELL = text(f"""{_WRITE}
    SELECT {crawled_edges.WRITTEN}, {crawled_edges.telling(edges=_EDGES, evidence=_EVIDENCE)}
    FROM written
    """)


def upsert(
    conn: Connection,
    *,
    comments: Sequence[Comment],
    author_ids: Mapping[str, int],
    subreddit_ids: Mapping[str, int],
    counts: Counts | None = None,
) -> Written:
    """Store comments with distinct ids, and return how many rows were written.

    Both mappings have lower-case names as keys. If `counts` is given, it collects the counts of
    edges and evidence; otherwise the statement adds them.
    """
    rows = [
        {
            "id": comment.id,
            "post_id": comment.post_id,
            "parent_id": comment.parent_id,
            "subreddit_id": subreddit_ids[comment.subreddit.lower()],
            "author_id": author_ids[comment.author.name.lower()] if comment.author else None,
            "body": comment.body,
            "score": comment.score,
            "stickied": comment.stickied,
            "is_submitter": comment.is_submitter,
            "removed_by_category": comment.removed_by_category,
            "created_at": comment.created_at.isoformat(),
            "edited_at": comment.edited_at.isoformat() if comment.edited_at else None,
            "edited": comment.edited,
            "deleted": comment.deleted,
            "mentions": comment.mentions,
        }
        for comment in comments
    ]
    statement = _UPSERT if counts is None else _UPSERT_AND_TELL
    row = conn.execute(statement, {"rows": json.dumps(rows, allow_nan=False)}).one()
    if counts is not None:
        counts.take(row)
    return Written(inserted=row.inserted, updated=row.updated)
