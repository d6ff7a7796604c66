"""Store posts. A post that did not change is neither written nor locked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from crawljobs.db.tables.crawled.content import posts as posts_table
from crawljobs.domain.reddit_items import Post
from crawljobs.repository.content.page_storage import crawled_edges, item_upsert
from crawljobs.repository.content.page_storage.crawled_edges import Counts
from crawljobs.repository.content.page_storage.item_upsert import ItemColumns, Written

_COLUMNS = ItemColumns(
    table=posts_table,
    keys=("id", "subreddit_id", "created_at"),
    content=(
        *("author_id", "title", "body", "url", "permalink", "domain", "flair"),
        *("flair_template_id", "author_flair", "score", "upvote_ratio", "num_comments"),
        *("num_crossposts", "total_awards_received", "distinguished", "post_hint"),
        *("crosspost_parent", "crosspost_author_id", "crosspost_subreddit"),
        *("removed_by_category", "edited_at", "extra"),
    ),
    flags=(
        *("over_18", "spoiler", "stickied", "locked", "is_self", "is_video", "is_gallery"),
        *("archived", "contest_mode", "quarantine", "score_hidden", "edited"),
    ),
    evidence={"mentions": "text[]", "crossposted_from": "text"},
)
_WRITE = item_upsert.write_ctes(_COLUMNS)
# Only inserted posts are counted, so that no post is counted twice. _EDGES counts the posts of each
# author in each subreddit. _EVIDENCE counts the posts that mention a subreddit or are crossposted
# from it. In _EVIDENCE, several posts of one author in the same statement count as one post.
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
_UPSERT = text(f"""{_WRITE}, {crawled_edges.count_ctes(edges=_EDGES, evidence=_EVIDENCE)}
    SELECT {crawled_edges.WRITTEN} FROM written
    """)
_UPSERT_AND_RETURN_COUNTS = text(f"""{_WRITE}
    SELECT {crawled_edges.WRITTEN}, {crawled_edges.count_columns(edges=_EDGES, evidence=_EVIDENCE)}
    FROM written
    """)


def upsert(
    conn: Connection,
    *,
    posts: Sequence[Post],
    author_ids: Mapping[str, int],
    subreddit_ids: Mapping[str, int],
    counts: Counts | None = None,
    records_checks: bool = True,
) -> Written:
    """Store posts with distinct ids, and return how many rows were written.

    Both mappings have lower-case names as keys. The statement also counts the new posts of each
    author, and the evidence for discovery. The numbers are added to `counts`. Without `counts`,
    they are added to the stored numbers. With `records_checks`, `checked_at` of unchanged rows is
    set.
    """
    rows = item_upsert.rows_of(_COLUMNS, posts, author_ids=author_ids, subreddit_ids=subreddit_ids)
    statement = _UPSERT if counts is None else _UPSERT_AND_RETURN_COUNTS
    return item_upsert.execute(conn, statement, rows, counts, records_checks=records_checks)
