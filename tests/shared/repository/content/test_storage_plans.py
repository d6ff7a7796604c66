"""Storing a page finds each row by an index, however large the tables are."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import ClauseElement, text

from crawljobs.db.database import Connection
from crawljobs.domain.coverage import ListingName
from crawljobs.repository.content import (
    authors,
    coverage,
    covered_items,
    crawl_history,
    crawled_trees,
    discovery,
    discovery_candidates,
    listing_gaps,
    missing_parts,
    recent_activity,
    refreshes,
    revisits,
    stored_subreddits,
    subreddit_access,
)
from crawljobs.repository.content.page_storage import (
    crawled_comments,
    crawled_edges,
    crawled_posts,
    number_history,
)
from crawljobs.repository.reddit_api import (
    client_probes,
    reddit_budgets,
    reddit_outages,
    reddit_pauses,
    reddit_tokens,
    reply_failures,
    slot_reservation,
    token_turns,
)
from crawljobs.repository.schedules import schedule_disabling
from support import plans

ROWS = 5_000  # so few that the planner scans a table unless a statement prevents it
FILL = """
    INSERT INTO authors (name) SELECT 'author' || n FROM generate_series(1, :rows) AS n;
    INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, :rows) AS n;
    INSERT INTO posts (id, subreddit_id, author_id, title, created_at)
    SELECT 'p' || n, (SELECT min(id) FROM subreddits), (SELECT min(id) FROM authors),
        repeat('t', 100), now() FROM generate_series(1, :rows) AS n;
    INSERT INTO comments (id, post_id, parent_id, subreddit_id, body, created_at)
    SELECT 'c' || n, 'p' || n, 't3_p' || n, (SELECT min(id) FROM subreddits),
        repeat('b', 100), now() FROM generate_series(1, :rows) AS n;
    UPDATE subreddits SET last_crawled_at = now() - interval '1 day', access = 'public';
    INSERT INTO discovery_evidence (found_in, name, mentions)
    SELECT id, name, 3 FROM subreddits;
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source)
    SELECT id, 'queued', 5, 5, 'user' FROM subreddits;
    INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, next_run_at)
    SELECT name, id, '@daily', now() FROM subreddits;
    INSERT INTO discovery_roots (subreddit_id) SELECT id FROM subreddits;
    INSERT INTO author_subreddits (author_id, subreddit_id, posts, first_at, last_at)
    SELECT author.id, subreddit.id, 1, now(), now() FROM authors AS author
    JOIN subreddits AS subreddit ON substr(author.name, 7) = substr(subreddit.name, 4);
    INSERT INTO missing_parts (subreddit_id, kind, item, reason, message, next_look_at)
    SELECT id, 'tree', 'p1', 'trouble', '', now() FROM subreddits;
    INSERT INTO crawl_gaps (subreddit_id, listing, from_item, to_item, to_at)
    SELECT id, 'posts', 'p1', 'p2', now() FROM subreddits;
    INSERT INTO reddit_tokens (client_id) SELECT 'id' || n FROM generate_series(1, :rows) AS n;
    INSERT INTO reddit_budgets (client_id) SELECT 'id' || n FROM generate_series(1, :rows) AS n;
    INSERT INTO post_scores (post_id, seen_at) SELECT id, now() FROM posts;
    INSERT INTO subreddit_counts (subreddit_id, seen_at) SELECT id, now() FROM subreddits;
    ANALYZE post_scores, subreddit_counts;
    ANALYZE authors, subreddits, posts, comments, reddit_budgets, discovery_evidence,
        discovery_roots, author_subreddits, reddit_tokens, crawl_jobs, scheduled_jobs,
        missing_parts, crawl_gaps
    """


@pytest.fixture
def full(conn: Connection) -> Connection:
    for statement in FILL.split(";"):
        conn.execute(text(statement), {"rows": ROWS} if ":rows" in statement else {})
    return conn


ITEMS = json.dumps([{"id": f"p{n}", "created_at": "2026-01-01T00:00:00Z"} for n in range(100)])
NAMES = json.dumps([{"name": f"author{n}", "reddit_id": "t2_1"} for n in range(100)])
BUDGET: dict[str, Any] = {
    "client_id": "id7", "client": "id7",
    "now": None, "longest_wait": 30, "share": 0.97, "cap": 600, "used": 3,
    "reset": 100, "seconds": None, "longest": 600.0, "first": 5.0, "good_ago": 1.0,
    "probe_seconds": 90.0, "failures_that_open": 10, "unknown_share": 0.05,
    "left_to_others_share": 0.9, "longest_queue": 3, "queue_seconds": 1.0,
    "number": 1, "others_then": 0, "remaining": 9, "detail": "", "reason": "outage", "row": 1,
    "since": 1.0, "every": 1.0,
}  # fmt: skip
HOUR = timedelta(hours=1)
FIND: dict[str, Any] = {
    "now": datetime(2031, 5, 4, tzinfo=UTC), "at_most": 100, "ids": ["p1", "p2"], "after": HOUR,
    "within": HOUR, "newest": 200, "subreddit_id": 7, "recent": 1000, "authors_max": 1000,
    "edges_max": 1000, "evidence_max": 1000,
    "checked": True, "depth": 2, "root": 7, "requests": 1, "period": HOUR, "lives": HOUR,
    "client_id": "id7", "client": "id7",
    "refused": None, "early_seconds": 60, "turn_seconds": 75, "token": "t",
    "throttled": True, "first": 5, "every": HOUR, "longest": 600, "names": ["sub1", "nobody"],
    "discovered_from": 7,
}  # fmt: skip
NAMED: dict[str, Any] = {"of_name": "Author7", "every": HOUR, "now": None}
FINISHED: dict[str, Any] = {
    "subreddit_id": 7, "next_crawl_at": FIND["now"], "depth": 1, "gap": False, "post": "p1",
    "comment": "c1", "now": None,
}  # fmt: skip
TREE: dict[str, Any] = {
    "ids": ["p1", "p2"], "shown": [3, 4], "at_most": 500, "id": "p1",
    "without": ["p3"], "limit": 25, "reported": 3, "missing": 0, "brought": 3,
    "subreddit_id": 7, "now": None,
}  # fmt: skip
COVERAGE: dict[str, Any] = {
    "subreddit_id": 7, "of_subreddit": 7, "whole": 1, "not_whole": 0,
    "postponed": HOUR, "furthest": HOUR, "kept": 5,
    "listing": "posts", "from_item": "p1", "to_item": "p2", "to_at": FIND["now"],
    "is_everything": False, "oldest_at": FIND["now"],
    "soonest": HOUR, "post": "p1", "post_at": FIND["now"], "comment": "c1",
    "comment_at": FIND["now"], "walk_end": "cap",
    "now": None, "before": FIND["now"], "scan_limit": 1000, "at_most": 100,
}  # fmt: skip
STATEMENTS: dict[str, tuple[Callable[[], ClauseElement], dict[str, Any]]] = {
    "posts": (lambda: crawled_posts._UPSERT, {"rows": ITEMS, "records_checks": True}),
    "comments": (lambda: crawled_comments._UPSERT, {"rows": ITEMS, "records_checks": True}),
    "posts of a mixed page": (
        lambda: crawled_posts._UPSERT_AND_RETURN_COUNTS,
        {"rows": ITEMS, "records_checks": True},
    ),
    "comments of a mixed page": (
        lambda: crawled_comments._UPSERT_AND_RETURN_COUNTS,
        {"rows": ITEMS, "records_checks": True},
    ),
    "edges": (lambda: crawled_edges._ADD, {"edges": "[]", "evidence": "[]"}),
    "authors": (lambda: authors._ENSURE, {"rows": NAMES}),
    "authors beside erased ones": (lambda: authors._ENSURE_OTHERS, {"rows": NAMES}),
    "subreddits": (
        lambda: stored_subreddits._ENSURE,
        {"names": [f"sub{n}" for n in range(100)], "discovered_from": None, "depth": 0},
    ),
    "scores": (lambda: number_history._RECORD_SCORES, FIND),
    "numbers of subreddits": (
        lambda: number_history._RECORD_COUNTS,
        {"keys": ["sub1"], "subscribers": [3], "active": [None], "now": None},
    ),
    "held names": (lambda: stored_subreddits._HOLD, {"keys": ["sub1", "sub2"]}),
    "abouts": (lambda: stored_subreddits._UPSERT, {"rows": NAMES, "now": None}),
    "comment counts": (lambda: crawled_trees._COUNTS, {"ids": ["p1", "p2"]}),
    "wanting trees": (lambda: crawled_trees._WANTING, TREE),
    "left trees": (lambda: crawled_trees._LEFT, TREE),
    "fetched tree": (lambda: crawled_trees._RECORD, TREE),
    "summary of trees": (lambda: crawled_trees._SUMMARY, TREE),
    "recount of missing comments": (lambda: crawled_trees._RECOUNT, TREE),
    "before a crawl": (lambda: crawl_history._BEFORE_CRAWL, TREE),
    "postponed parts": (lambda: missing_parts._POSTPONE, COVERAGE),
    "trimmed parts": (lambda: missing_parts._TRIM, COVERAGE),
    "added gap": (lambda: listing_gaps._ADD_GAP, COVERAGE),
    "closed gaps": (lambda: listing_gaps._CLOSE_GAPS, COVERAGE),
    "trimmed gaps": (lambda: listing_gaps._TRIM_GAPS, COVERAGE),
    "coverage": (lambda: coverage._RECORD, COVERAGE),
    "posts below a walk": (lambda: covered_items._STORED_BELOW[ListingName.POSTS], COVERAGE),
    "comments below a walk": (lambda: covered_items._STORED_BELOW[ListingName.COMMENTS], COVERAGE),
    "reserve": (lambda: slot_reservation._RESERVE, BUDGET),
    "learn": (lambda: reddit_budgets._LEARN, BUDGET),
    "pause": (lambda: reddit_pauses._PAUSE, BUDGET),
    "due for refresh": (lambda: refreshes._DUE, FIND),
    "refreshed posts": (lambda: refreshes._SETTLE["t3"], FIND),
    "refreshed comments": (lambda: refreshes._SETTLE["t1"], FIND),
    "due subreddits": (lambda: revisits._TAKE_DUE, FIND),
    "stale subreddits": (lambda: revisits._STALE, FIND),
    "activity": (lambda: recent_activity._ACTIVITY, FIND),
    "rhythm": (lambda: recent_activity._RHYTHM, FIND),
    "due for history": (lambda: authors._DUE_FOR_HISTORY, FIND),
    "history of an author": (lambda: authors._IS_HISTORY_DUE, NAMED),
    "fetched history": (lambda: authors._HISTORY_FETCHED, NAMED),
    "finished crawl": (lambda: crawl_history._FINISH_CRAWL, FINISHED),
    "turn of discovery": (lambda: discovery._TAKE_TURN, FIND),
    "readable subreddit": (lambda: subreddit_access._RECORD_OPEN, {**FIND, "access": "public"}),
    "candidates": (lambda: discovery_candidates._CANDIDATES, FIND),
    "unchecked candidates": (lambda: discovery_candidates._CANDIDATES, {**FIND, "checked": False}),
    "missing names": (lambda: discovery._MISSING, FIND),
    "root": (lambda: discovery._ROOT, FIND),
    "spend": (lambda: discovery._SPEND, FIND),
    "spent": (lambda: discovery._SPENT, FIND),
    "forget evidence": (lambda: discovery_candidates._FORGET, FIND),
    "token": (lambda: reddit_tokens._FIND, FIND),
    "token's turn": (lambda: token_turns._TAKE_TURN, FIND),
    "barred schedules": (lambda: schedule_disabling._LOCK_ENABLED, FIND),
    "good reply": (lambda: reply_failures._GOOD, BUDGET),
    "failed reply": (lambda: reply_failures._FAILED, BUDGET),
    "last reply before a pause": (lambda: reply_failures._WOULD_OPEN, BUDGET),
    "good probe": (lambda: reddit_outages._PROBE_GOOD, BUDGET),
    "pause of all": (lambda: reddit_outages._PAUSE, BUDGET),
    "turn of the probe": (lambda: client_probes._TAKE_TURN, BUDGET),
    "last probe": (lambda: client_probes._HAS_PROBED, BUDGET),
    "refused token": (lambda: reddit_tokens._FORGET, {"client": "id7", "token": "t"}),
    "seen access": (lambda: subreddit_access._RECORD_ACCESS, {**FIND, "access": "banned"}),
    "returned schedules": (lambda: schedule_disabling._LOCK_BARRED, {**FIND, "reasons": ["a"]}),
}


def test_no_table_is_scanned_from_end_to_end(full: Connection) -> None:
    scanned = {
        name: plans.tables_scanned(plans.generic_plan(full, statement(), values))
        for name, (statement, values) in STATEMENTS.items()
    }
    assert {name: tables for name, tables in scanned.items() if tables} == {}


@pytest.mark.parametrize("name", ["due for history", "candidates"])
def test_discovery_looks_at_recent_authors_however_many_a_subreddit_ever_had(
    full: Connection, name: str
) -> None:
    statement, values = STATEMENTS[name]
    home = full.execute(text("SELECT min(id) FROM subreddits")).scalar_one()
    crowd = """
        INSERT INTO author_subreddits (author_id, subreddit_id, posts, first_at, last_at)
        SELECT id, :home, 1, now(), now() FROM authors ON CONFLICT DO NOTHING
        """
    full.execute(text(crowd), {"home": home})
    full.execute(text("ANALYZE author_subreddits"))
    sought = {**values, "subreddit_id": home, "recent": 10}
    assert plans.rows_read(full, statement(), sought, table="author_subreddits") <= 20
