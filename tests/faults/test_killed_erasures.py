"""F1: kill -9 of workers that erase content. Another worker continues, and the result is equal."""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.operation import Operation
from crawljobs.repository.operations import audit_log, operation_rows
from support import erasure
from support.crew import PRODUCTION, Crew
from support.databases import Databases
from support.waiting import wait_until

ITEMS = 1_500  # posts of each of the two authors, and as many comments: 3 chunks of each table
# One row of each phase that writes. The worker waits for it in the middle of a chunk.
EDGE = "SELECT FROM author_subreddits WHERE subreddit_id = 1 ORDER BY author_id LIMIT 1 FOR UPDATE"
POST = "SELECT FROM posts WHERE id = 'p1500' FOR UPDATE"
COMMENT = "SELECT FROM comments WHERE id = 'c1500' FOR UPDATE"
# Content that must stay: a second subreddit with items of the same authors.
OTHER = """
    INSERT INTO subreddits (name) VALUES ('golang');
    UPDATE posts SET subreddit_id = 2 WHERE id LIKE 'p%7';
    UPDATE comments SET subreddit_id = 2 WHERE id LIKE 'c%7'
"""
LEFT = (
    "SELECT id, subreddit_id, author_id, title, body FROM posts ORDER BY id",
    "SELECT id, subreddit_id, author_id, post_id, body FROM comments ORDER BY id",
    "SELECT author_id, subreddit_id, posts, comments FROM author_subreddits ORDER BY 1, 2",
    "SELECT id, name FROM subreddits ORDER BY id",
    "SELECT id, reddit_id FROM authors ORDER BY id",
    "SELECT author_id FROM erased_authors",
)


def fill(database: Database) -> None:
    with database.begin() as conn:
        erasure.fill(conn, ITEMS)
        for statement in OTHER.split(";"):
            conn.execute(text(statement))


def left(database: Database, operation: Operation) -> list[Any]:
    """Return the rows that are left, the counts of the operation, and the audited changes."""
    with database.begin() as conn:
        rows: list[Any] = [[tuple(row) for row in conn.execute(text(query))] for query in LEFT]
        ended = operation_rows.get(conn, operation_id=operation.id)
        entries = audit_log.list_entries(conn).entries
    assert ended is not None
    rows.append((ended.state, ended.total, ended.done, ended.counts, ended.error_count))
    return [*rows, [(each.action, each.resource_type, each.actor) for each in entries]]


@pytest.fixture
def undisturbed(databases: Databases) -> Iterator[Database]:
    """Yield a second database, in which no worker is killed."""
    with databases.lend() as url, contextlib.closing(Database(url, pool_size=2)) as opened:
        yield opened


def started(database: Database, kind: str) -> Operation:
    fill(database)
    if kind == "author":
        operation = erasure.start(database).operation
    else:
        operation = erasure.start_of_subreddit(database, 1).operation
    assert operation is not None
    return operation


@pytest.mark.parametrize(
    ("kind", "rows"), [("subreddit", [EDGE, POST, COMMENT]), ("author", [POST, COMMENT])]
)
def test_an_erasure_whose_workers_are_killed_ends_with_the_same_result(
    database: Database, undisturbed: Database, database_url: str, crew: Crew, kind: str,
    rows: list[str],
) -> None:  # fmt: skip
    expected = started(undisturbed, kind)
    erasure.work(undisturbed)
    operation = started(database, kind)
    with contextlib.ExitStack() as stack:
        holders = [stack.enter_context(psycopg.connect(database_url)) for _ in rows]
        for holder, row in zip(holders, rows, strict=True):
            holder.execute(row.encode())
        for holder in holders:
            worker = crew.start(PRODUCTION, CONTENT_KEY=erasure.KEY.decode())
            wait_until(
                lambda holder=holder: is_waited_for(database, holder),
                timeout=20,
                describe=crew.log,
            )
            worker.kill()
            holder.rollback()  # the transaction of the dead worker gets the row, and rolls back
    with database.begin() as conn:
        halfway = operation_rows.get(conn, operation_id=operation.id)
    assert halfway is not None
    assert halfway.finished_at is None
    assert 0 < halfway.done < halfway.total
    crew.start(PRODUCTION, CONTENT_KEY=erasure.KEY.decode())
    wait_until(lambda: has_ended(database, operation), timeout=30, describe=crew.log)
    assert left(database, operation) == left(undisturbed, expected)


def is_waited_for(database: Database, holder: "psycopg.Connection[Any]") -> bool:
    """Return whether a session waits for a row that this session has locked."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE :pid = ANY (pg_blocking_pids(pid))"
    with database.begin() as conn:
        return bool(conn.execute(text(waiting), {"pid": holder.info.backend_pid}).scalar_one())


def has_ended(database: Database, operation: Operation) -> bool:
    with database.begin() as conn:
        found = operation_rows.get(conn, operation_id=operation.id)
    return found is not None and found.finished_at is not None
