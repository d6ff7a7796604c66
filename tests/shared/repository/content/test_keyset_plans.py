"""An index gives the rows of each keyset read of content in the order of their keys."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from benchmarks import content_reads
from crawljobs.db.database import Connection
from support import crawled, plans

TIME = datetime(2031, 5, 4, tzinfo=UTC)
KEY: dict[str, Any] = {
    "at_id": "p1", "at_author_id": 1, "at_subreddit_id": 1, "at_post_id": "p1",
    "at_created_at": TIME, "at_updated_at": TIME, "begin": TIME, "end": TIME,
}  # fmt: skip
# The tables of a test are small, so the planner would scan and sort them. With these settings it
# does so only if no index can serve the statement.
WITHOUT_SCANS = ("SET LOCAL enable_seqscan = off", "SET LOCAL enable_sort = off")


@pytest.mark.parametrize("read", content_reads.READS)
def test_an_index_serves_each_keyset_read_without_a_sort(conn: Connection, read: str) -> None:
    for setting in WITHOUT_SCANS:
        conn.execute(text(setting))
    plan = plans.generic_plan(conn, content_reads.READS[read], KEY)
    types = {node["Node Type"] for node in plan}
    assert types <= {"Limit", "Index Scan", "Index Only Scan", "Nested Loop", "Incremental Sort"}
    scans = [node for node in plan if "Scan" in node["Node Type"]]
    assert all("Index Cond" in node and "Filter" not in node for node in scans)


def test_a_chunk_of_all_subreddits_continues_behind_its_last_row(conn: Connection) -> None:
    written = [
        crawled.post(f"{name}{n}", subreddit=name, created_at=TIME + timedelta(hours=n % 3))
        for name in ("ada", "bob", "cyd")
        for n in range(5)
    ]
    crawled.store(conn, *written)
    read = content_reads._created_between(content_reads.posts, limit=4)
    seen: list[str] = []
    at = {"at_subreddit_id": 0, "at_created_at": TIME, "at_id": ""}
    while rows := conn.execute(read, {**at, "begin": TIME, "end": TIME + timedelta(hours=2)}).all():
        seen += [row.id for row in rows]
        last = rows[-1]
        at = {"at_subreddit_id": last.subreddit_id, "at_created_at": last.created_at,
              "at_id": last.id}  # fmt: skip
    assert seen == [name + str(n) for name in ("ada", "bob", "cyd") for n in (0, 3, 1, 4)]
