"""Delete a subreddit's links, evidence, missing parts and omissions, and its marks of coverage."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Connection, bindparam, delete, or_, update

from crawljobs.db.tables import (
    crawl_gaps,
    discovery_evidence,
    map_nodes,
    missing_parts,
    omitted_items,
    subreddit_links,
    subreddits,
)
from crawljobs.repository.sql import NOW

_of_subreddit = bindparam("of_subreddit", type_=BigInteger)
_link = subreddit_links.c
# Without the marks, the next crawl reads the listings down to their ends again.
_MARKS = (
    *("high_water_post", "high_water_comment", "oldest_post", "oldest_post_at"),
    *("oldest_comment", "oldest_comment_at", "posts_walk_end", "whole_walk_at"),
    *("trees_whole", "trees_not_whole", "gap_at"),
)
RESET = (
    update(subreddits)
    .where(subreddits.c.id == _of_subreddit)
    .values(missing_parts=0, gaps=0, **dict.fromkeys(_MARKS))
)
DUE_ON_MAP = (
    update(map_nodes)
    .where(map_nodes.c.subreddit_id == _of_subreddit)
    .values(due_at=NOW, author_count=0)
)
DELETE_LINKS = delete(subreddit_links).where(
    or_(_link.a_id == _of_subreddit, _link.b_id == _of_subreddit)
)
DELETE_EVIDENCE = delete(discovery_evidence).where(discovery_evidence.c.found_in == _of_subreddit)
DELETE_PARTS = delete(missing_parts).where(missing_parts.c.subreddit_id == _of_subreddit)
DELETE_OMISSIONS = delete(omitted_items).where(omitted_items.c.subreddit_id == _of_subreddit)
DELETE_GAPS = delete(crawl_gaps).where(crawl_gaps.c.subreddit_id == _of_subreddit)


def delete_traces(conn: Connection, *, subreddit_id: int, now: datetime | None = None) -> None:
    """Delete the data that crawls derived from the content. The subreddit's row stays."""
    values = {"of_subreddit": subreddit_id}
    conn.execute(RESET, values)
    conn.execute(DUE_ON_MAP, {**values, "now": now})
    for statement in (
        DELETE_LINKS,
        DELETE_EVIDENCE,
        DELETE_PARTS,
        DELETE_GAPS,
        DELETE_OMISSIONS,
    ):
        conn.execute(statement, values)
