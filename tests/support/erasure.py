"""Erase authors and the content of subreddits as the services do."""

import threading

from sqlalchemy import text

from crawler_worker.maintenance.operation_running import OperationRunning
from crawljobs.db.database import Connection, Database
from crawljobs.domain.actor import Actor
from crawljobs.domain.operation import Operation
from crawljobs.repository.erasure import author_erasure, subreddit_erasure
from crawljobs.repository.erasure.author_erasure import AuthorRequest
from crawljobs.repository.erasure.erasure_operation import Erasure
from crawljobs.repository.erasure.subreddit_erasure import SubredditRequest
from crawljobs.repository.operations import operation_rows

KEY = b"kQ7vT2xN9bLw4RzYc8mHs1JfGp5DaE3u"
NAME = "Zyx_Quill"  # no other stored text has this name

# Inserts :items posts and as many comments of the author NAME and of another author.
FILL = f"""
    INSERT INTO subreddits (name) VALUES ('python');
    INSERT INTO authors (name, reddit_id) VALUES ('{NAME}', 't2_9'), ('bob', 't2_2');
    INSERT INTO posts (id, subreddit_id, author_id, title, body, created_at)
    SELECT 'p' || n, (SELECT min(id) FROM subreddits),
        (SELECT id FROM authors WHERE name = CASE WHEN n % 2 = 0 THEN '{NAME}' ELSE 'bob' END),
        'title', repeat('{NAME} ', 20), now() - n * interval '1 minute'
    FROM generate_series(1, 2 * :items) AS n;
    INSERT INTO comments (id, post_id, parent_id, subreddit_id, author_id, body, created_at)
    SELECT 'c' || n, 'p' || n, 't3_p' || n, subreddit_id, author_id, body, created_at
    FROM posts CROSS JOIN LATERAL (SELECT CAST(substr(posts.id, 2) AS int) AS n) AS number;
    INSERT INTO author_subreddits (author_id, subreddit_id, posts, comments, first_at, last_at)
    SELECT author_id, subreddit_id, count(*), count(*), min(created_at), max(created_at)
    FROM posts GROUP BY author_id, subreddit_id
    """


def fill(conn: Connection, items: int) -> None:
    for statement in FILL.split(";"):
        conn.execute(text(statement), {"items": items} if ":items" in statement else {})


def start(database: Database, name: str = NAME, *, dry_run: bool = False) -> Erasure:
    request = AuthorRequest(name, KEY, Actor("operator"), dry_run=dry_run)
    return database.run(lambda conn: author_erasure.start(conn, request))


def start_of_subreddit(database: Database, subreddit_id: int) -> Erasure:
    request = SubredditRequest(subreddit_id, Actor("operator"))
    return database.run(lambda conn: subreddit_erasure.start(conn, request))


def work(database: Database) -> int:
    """Run the due chunks as a worker does, and return their number."""
    return OperationRunning(database, threading.Event()).run()


def erase(database: Database, name: str = NAME) -> Operation | None:
    """Erase the author, and return the finished operation, or None if nothing was stored."""
    operation = start(database, name).operation
    if operation is None:
        return None
    work(database)
    with database.begin() as conn:
        return operation_rows.get(conn, operation_id=operation.id)


def tables_with(database: Database, word: str) -> list[str]:
    """Return the tables with a row in which this word occurs, in any case."""
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    with database.begin() as conn:
        found = []
        for (table,) in conn.execute(text(query)).all():
            has = f'SELECT EXISTS (SELECT FROM "{table}" AS t WHERE t::text ILIKE :word)'
            if conn.execute(text(has), {"word": f"%{word}%"}).scalar_one():
                found.append(table)
    return found
