"""Store posts. A post that did not change is neither written nor locked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from crawljobs.domain.reddit_items import Post
from crawljobs.repository.content import crawled_edges
from crawljobs.repository.content.crawled_edges import Counts
from crawljobs.repository.content.refreshes import DUE_FOR_REFRESH

# The columns that a later reply of Reddit may change.
_CONTENT = (
    "author_id, title, body, url, permalink, domain, flair, score, upvote_ratio, num_comments, "
    "over_18, spoiler, stickied, locked, is_self, crosspost_parent, removed_by_category, "
    "edited_at, edited"
)


def _of(row: str) -> str:
    return ", ".join(f"{row}.{column}" for column in _CONTENT.split(", "))


# A deleted post stays deleted, also if an older reply of Reddit arrives later.
# LIMIT 1 makes the planner use one index lookup for each item; it would otherwise scan the table.
_WRITE = f"""
    WITH input AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS input (
            id text, subreddit_id bigint, author_id bigint, title text, body text, url text,
            permalink text, domain text, flair text, score bigint, upvote_ratio float8,
            num_comments bigint, over_18 boolean, spoiler boolean, stickied boolean,
            locked boolean, is_self boolean, crosspost_parent text, removed_by_category text,
            created_at timestamptz, edited_at timestamptz, edited boolean, deleted boolean,
            mentions text[], crossposted_from text)
    ), changed AS (
        SELECT input.*
        FROM input LEFT JOIN LATERAL (SELECT * FROM posts WHERE id = input.id LIMIT 1) AS stored
            ON true
        WHERE stored.id IS NULL OR (
            (stored.deleted_at IS NULL OR input.deleted)
            AND ROW(stored.deleted_at IS NOT NULL, {_of("stored")})
                IS DISTINCT FROM ROW(input.deleted, {_of("input")}))
        ORDER BY input.id
    ), written AS (
        INSERT INTO posts AS stored (
            id, subreddit_id, created_at, {_CONTENT}, deleted_at, first_seen_at, updated_at,
            refresh_due_at
        )
        SELECT id, subreddit_id, created_at, {_CONTENT}, CASE WHEN deleted THEN now END, now, now,
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
# Only inserted posts count, so each counts once: on the edge of its author, and as evidence for
# other subreddits. Evidence counts once for each author in the statement.
_EDGES = """
        SELECT author_id, subreddit_id, count(*) AS posts, 0 AS comments,
            min(created_at) AS first_at, max(created_at) AS last_at
        FROM written WHERE inserted AND author_id IS NOT NULL
        GROUP BY author_id, subreddit_id"""
_EVIDENCE = """
        SELECT written.subreddit_id AS found_in, led.name,
            count(DISTINCT coalesce(written.author_id, 0))
                FILTER (WHERE led.kind = 'mention') AS mentions,
            count(DISTINCT coalesce(written.author_id, 0))
                FILTER (WHERE led.kind = 'crosspost') AS crossposts
        FROM written JOIN input USING (id)
            CROSS JOIN LATERAL (
                SELECT name, 'mention' AS kind FROM unnest(input.mentions) AS name
                UNION ALL
                SELECT input.crossposted_from, 'crosspost'
                WHERE input.crossposted_from IS NOT NULL
            ) AS led
        WHERE written.inserted
        GROUP BY written.subreddit_id, led.name"""
_UPSERT = text(f"""{_WRITE}, {crawled_edges.counting(edges=_EDGES, evidence=_EVIDENCE)}
    SELECT {crawled_edges.WRITTEN} FROM written
    """)
_UPSERT_AND_TELL = text(f"""{_WRITE}
    SELECT {crawled_edges.WRITTEN}, {crawled_edges.telling(edges=_EDGES, evidence=_EVIDENCE)}
    FROM written
    """)


@dataclass(frozen=True, slots=True)
class Written:
    """The numbers of written rows of a page; the other items were stored already and equal."""

    inserted: int = 0
    updated: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(self.inserted + other.inserted, self.updated + other.updated)


def upsert(
    conn: Connection,
    *,
    posts: Sequence[Post],
    author_ids: Mapping[str, int],
    subreddit_ids: Mapping[str, int],
    counts: Counts | None = None,
) -> Written:
    """Store posts with distinct ids, and return how many rows were written.

    Both mappings have lower-case names as keys. If `counts` is given, it collects the counts of
    edges and evidence; otherwise the statement adds them.
    """
    rows = [
        {
            "id": post.id,
            "subreddit_id": subreddit_ids[post.subreddit.lower()],
            "author_id": author_ids[post.author.name.lower()] if post.author else None,
            "title": post.title,
            "body": post.body,
            "url": post.url,
            "permalink": post.permalink,
            "domain": post.domain,
            "flair": post.flair,
            "score": post.score,
            "upvote_ratio": post.upvote_ratio,
            "num_comments": post.num_comments,
            "over_18": post.over_18,
            "spoiler": post.spoiler,
            "stickied": post.stickied,
            "locked": post.locked,
            "is_self": post.is_self,
            "crosspost_parent": post.crosspost_parent,
            "removed_by_category": post.removed_by_category,
            "created_at": post.created_at.isoformat(),
            "edited_at": post.edited_at.isoformat() if post.edited_at else None,
            "edited": post.edited,
            "deleted": post.deleted,
            "mentions": post.mentions,
            "crossposted_from": post.crossposted_from,
        }
        for post in posts
    ]
    statement = _UPSERT if counts is None else _UPSERT_AND_TELL
    row = conn.execute(statement, {"rows": json.dumps(rows, allow_nan=False)}).one()
    if counts is not None:
        counts.take(row)
    return Written(inserted=row.inserted, updated=row.updated)
