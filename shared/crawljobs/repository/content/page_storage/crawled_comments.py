"""Store comments. A comment that did not change is neither written nor locked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from crawljobs.db.tables.crawled.content import comments as comments_table
from crawljobs.domain.reddit_items import Comment
from crawljobs.repository.content.page_storage import crawled_edges, item_upsert
from crawljobs.repository.content.page_storage.crawled_edges import Counts
from crawljobs.repository.content.page_storage.item_upsert import ItemColumns, Written

_COLUMNS = ItemColumns(
    table=comments_table,
    keys=("id", "post_id", "parent_id", "subreddit_id", "created_at"),
    content=(
        *("author_id", "body", "author_flair", "score", "controversiality"),
        *("total_awards_received", "distinguished", "collapsed_reason_code"),
        *("removed_by_category", "edited_at", "extra"),
    ),
    flags=("stickied", "is_submitter", "locked", "archived", "score_hidden", "edited"),
    kept=("depth",),
    evidence={"mentions": "text[]"},
)
_WRITE = item_upsert.write_ctes(_COLUMNS)
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
    comments: Sequence[Comment],
    author_ids: Mapping[str, int],
    subreddit_ids: Mapping[str, int],
    counts: Counts | None = None,
    records_checks: bool = True,
) -> Written:
    """Store comments with distinct ids, and return how many rows were written.

    Both mappings have lower-case names as keys. The statement also counts the new comments of each
    author, and the evidence for discovery. The numbers are added to `counts`. Without `counts`,
    they are added to the stored numbers. With `records_checks`, `checked_at` of unchanged rows is
    set.
    """
    rows = item_upsert.rows_of(
        _COLUMNS, comments, author_ids=author_ids, subreddit_ids=subreddit_ids
    )
    statement = _UPSERT if counts is None else _UPSERT_AND_RETURN_COUNTS
    return item_upsert.execute(conn, statement, rows, counts, records_checks=records_checks)
