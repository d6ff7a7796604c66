"""The statements of an erasure find their rows by indexes, also in a generic plan."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import ClauseElement, text

from crawljobs.db.database import Connection, Database
from crawljobs.repository import index_order
from crawljobs.repository.content import erased_names
from crawljobs.repository.erasure import (
    author_items,
    author_traces,
    block_list,
    forgotten_authors,
    found_content,
    named_checkpoints,
    subreddit_items,
    subreddit_traces,
)
from support import plans

FILL = """
    INSERT INTO authors (name) SELECT 'author' || n FROM generate_series(1, 5000) AS n;
    INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, 5000) AS n;
    INSERT INTO posts (id, subreddit_id, author_id, crosspost_author_id, created_at)
    SELECT 'p' || id, (SELECT min(id) FROM subreddits) + id % 50, id, id, now() FROM authors;
    INSERT INTO comments (id, post_id, parent_id, subreddit_id, author_id, created_at)
    SELECT 'c' || id, 'p' || id, 't3_p' || id, (SELECT min(id) FROM subreddits) + id % 50, id, now()
    FROM authors;
    INSERT INTO author_subreddits (author_id, subreddit_id, posts, first_at, last_at)
    SELECT author_id, subreddit_id, 1, now(), now() FROM posts;
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, checkpoint)
    SELECT id, 'queued', 5, 5, 'user', '{"v": 1}' FROM subreddits;
    INSERT INTO missing_parts (subreddit_id, kind, item, reason, message, next_look_at)
    SELECT id, 'history', 'author1', 'trouble', '', now() FROM subreddits;
    INSERT INTO crawl_gaps (subreddit_id, listing, from_item, to_item, to_at)
    SELECT id, 'posts', 'p1', 'p2', now() FROM subreddits;
    INSERT INTO discovery_evidence (found_in, name, mentions) SELECT id, name, 3 FROM subreddits;
    INSERT INTO omitted_items
    SELECT 't3_' || id, subreddit_id, 1, now(), now() FROM posts;
    INSERT INTO map_nodes (subreddit_id) SELECT id FROM subreddits;
    INSERT INTO subreddit_links
    SELECT a.id, b.id, 3, 1.0 / a.id, true, false, now()
    FROM subreddits AS a JOIN subreddits AS b ON b.id - a.id BETWEEN 1 AND 2;
    INSERT INTO post_scores (post_id, seen_at, score) SELECT id, now(), 1 FROM posts;
    INSERT INTO erased_authors (name_hash, key_id)
    SELECT sha256(CAST(name AS bytea)), 'key' FROM authors;
    ANALYZE authors, subreddits, posts, comments, author_subreddits, crawl_jobs, missing_parts,
        crawl_gaps, discovery_evidence, omitted_items, map_nodes, subreddit_links, erased_authors,
        post_scores
    """
OF: dict[str, Any] = {
    "of_id": 7, "of_author": 7, "id_of_author": 7, "of_subreddit": 7, "at_most": 1000, "after": 3,
    "subreddit_ids": [7, 8], "author_ids": [7, 8], "of_name": "author7", "of_profile": "u_author7",
    "name": "author7", "item_ids": ["p7", "c7"], "hash": b"h" * 32, "hashes": [b"h" * 32],
    "key_id": "key", "with_activity": False, "now": None, "author_id": 7,
    "from_time": datetime(2026, 1, 1, tzinfo=UTC), "stored_until": datetime(2026, 1, 1, tzinfo=UTC),
}  # fmt: skip
CASES: dict[str, ClauseElement] = {
    "found of an author": found_content.OF_AUTHOR,
    "found of a subreddit": found_content.OF_SUBREDDIT,
    "posts of an author": author_items.ERASE_POSTS,
    "comments of an author": author_items.ERASE_COMMENTS,
    "crossposts of an author": author_items.ERASE_ORIGINS,
    "activity": author_traces.EDGES,
    "deleted activity": author_traces.DELETE_EDGES,
    "missing parts of an author": author_traces.DELETE_PARTS,
    "new name": author_traces.RENAME,
    "deleted author": author_traces.DELETE_AUTHOR,
    "profile": author_traces.RENAME_PROFILE,
    "checkpoints": named_checkpoints._REMOVE,
    "blocked name": block_list._ADD,
    "end of an erasure": block_list._FINISH,
    "author by name": block_list._AUTHOR,
    "unfinished erasure": block_list._UNFINISHED,
    "smaller key": block_list._OTHER_KEYS[0],
    "greater key": block_list._OTHER_KEYS[1],
    "next authors": forgotten_authors.WALK,
    "authors without items": forgotten_authors.FIND,
    "deleted authors": forgotten_authors.DELETE,
    "activity of deleted authors": forgotten_authors.DELETE_EDGES,
    "subreddits of an author": forgotten_authors.SUBREDDITS,
    "listed names": erased_names._LISTED,
    **{f"walk of {name}": walk for name, walk in subreddit_items.WALKS.items()},
    **{f"deleted {name}": delete for name, delete in subreddit_items.DELETES.items()},
    "scores of posts": subreddit_items.DELETE_SCORES,
    "walk of activity": subreddit_items.WALK_EDGES,
    "activity of a subreddit": subreddit_items.DELETE_EDGES,
    "marks": subreddit_traces.RESET,
    "map": subreddit_traces.DUE_ON_MAP,
    "links": subreddit_traces.DELETE_LINKS,
    "evidence": subreddit_traces.DELETE_EVIDENCE,
    "missing parts": subreddit_traces.DELETE_PARTS,
    "gaps": subreddit_traces.DELETE_GAPS,
    "omissions": subreddit_traces.DELETE_OMISSIONS,
}


@pytest.fixture
def full(database: Database) -> Iterator[Connection]:
    """Yield a database of its own, because ANALYZE also changes the plans of later tests."""
    with database.begin() as conn:
        for statement in FILL.split(";"):
            conn.execute(text(statement))
        index_order.follow(conn)
        yield conn


def test_no_table_is_scanned_from_end_to_end(full: Connection) -> None:
    values = {
        name: {key: value for key, value in OF.items() if key in statement.compile().params}
        for name, statement in CASES.items()
    }
    scanned = {
        name: plans.tables_scanned(plans.generic_plan(full, statement, values[name]))
        for name, statement in CASES.items()
    }
    assert {name: tables for name, tables in scanned.items() if tables} == {}
