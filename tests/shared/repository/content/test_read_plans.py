"""Reads of content find their rows by an index, and read few rows, also with old statistics."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import ClauseElement

from crawljobs.db.database import Connection
from crawljobs.repository.content.reads import author_activity_pages, item_page_sql, post_trees
from crawljobs.repository.content.reads.item_page_sql import ItemSort
from support import content_rows, plans

TIME = datetime(2031, 1, 1, 0, 30, tzinfo=UTC)
NONE: dict[str, Any] = {"score_min": None, "score_max": None, "deleted": None}
PAGE = {
    "subreddit_id": 7, "low_at": datetime(1, 1, 1, tzinfo=UTC), "low_id": "",
    "high_at": datetime(9999, 1, 1, tzinfo=UTC), "high_id": "", "limit": 11, **NONE,
}  # fmt: skip
# Each filter of a list with a value, or with the values of a later page.
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "since": {"low_at": TIME},
    "until": {"high_at": TIME},
    "score_min": {"score_min": 2_000},
    "score_max": {"score_max": 2_000},
    "deleted": {"deleted": True},
    "cursor": {"high_at": TIME, "high_id": "p1800"},
}
ACTIVITY = {
    "author_id": 7, "after_id": 3, "last_id": 2**63 - 1, "since": None, "until": None, "limit": 11,
}  # fmt: skip
STATEMENTS: dict[str, tuple[ClauseElement, dict[str, Any]]] = {
    **{
        f"{kind} {sort} {name}": (statements[sort], {**PAGE, **values})
        for kind, statements in (
            ("posts", item_page_sql.POSTS),
            ("comments", item_page_sql.COMMENTS),
        )
        for sort in ItemSort
        for name, values in FILTERS.items()
    },
    "post": (post_trees.GET, {"post_id": "p7"}),
    "tree": (post_trees.SKELETON, {"post_id": "p7"}),
    "comments of a tree": (post_trees.COMMENTS, {"ids": ["c7", "c8"]}),
    "author": (author_activity_pages.FIND, {"of_name": "AUTHOR7"}),
    "activity": (author_activity_pages.LIST, ACTIVITY),
    "activity since": (author_activity_pages.LIST, {**ACTIVITY, "since": TIME}),
    "activity until": (author_activity_pages.LIST, {**ACTIVITY, "until": TIME}),
}


@pytest.mark.parametrize("statistics", ["present", "old"])
def test_reads_use_an_index_and_read_few_rows(conn: Connection, statistics: str) -> None:
    content_rows.fill(conn, statistics=statistics)
    for name, (statement, values) in STATEMENTS.items():
        nodes = plans.generic_plan(conn, statement, values, analyze=True)
        scanned = set(plans.tables_scanned(nodes)) & set(content_rows.LARGE)
        assert not scanned, (name, scanned)
        read = sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in nodes
            if node.get("Relation Name") in content_rows.LARGE and "Scan" in node["Node Type"]
        )
        # A filter after the scan reads all 100 rows of the subreddit; no filter reads one page.
        most = (
            125 if any(part in name for part in ("score", "deleted", "tree", "activity ")) else 25
        )
        assert read <= most, (name, read)
