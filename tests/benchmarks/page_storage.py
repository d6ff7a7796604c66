"""Measure how fast a page of 100 posts is stored, with authors, edges and the crawl's checkpoint.

For comparison, COPY writes the same rows into tables without indexes and constraints, alternately.
"""

import dataclasses
import statistics
import time
import uuid
from typing import Any

import psycopg
from sqlalchemy import event, text

from benchmarks.harness import Bench, Figure, percentile
from crawljobs.db.database import Connection, Database
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import JobSource
from crawljobs.domain.reddit_items import Account, Items
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.queue import job_claim, leases
from support import crawled, enqueueing

PAGES, PAGES_QUICK = 500, 100
POSTS = 100
AUTHORS = 2_000  # so few that later pages have some of them again
# Tables with the same columns, but without keys, indexes, checks and foreign keys.
BARE = """
    CREATE TABLE bare_posts AS TABLE posts WITH NO DATA;
    CREATE TABLE bare_authors AS TABLE authors WITH NO DATA;
    CREATE TABLE bare_author_subreddits AS TABLE author_subreddits WITH NO DATA
"""
Rows = dict[str, list[tuple[Any, ...]]]
WRITTEN = {
    "posts": "SELECT * FROM posts WHERE id = ANY (%(posts)s)",
    "authors": "SELECT * FROM authors WHERE lower(name) = ANY (%(authors)s)",
    "author_subreddits": """
        SELECT edge.* FROM author_subreddits AS edge JOIN authors ON id = author_id
        WHERE lower(name) = ANY (%(authors)s)
    """,
}


def measure(bench: Bench) -> list[Figure]:
    with bench.database("page_storage") as url:
        database = Database(url, pool_size=1)
        claim = begin(database)
        taken, copied, again = [], [], []
        pages = PAGES_QUICK if bench.quick else PAGES
        with psycopg.connect(url, autocommit=True) as bare:
            bare.execute(BARE)
            for number in range(pages):
                items = page(number)
                taken.append(store(database, claim, items))
                copied.append(copy(bare, rows_of(bare, items)))
                again.append(store(database, claim, items))
        statements, tuples = count(database, claim)
        database.close()
    stored_rate, copied_rate = (1 / statistics.median(seconds) for seconds in (taken, copied))
    return [
        Figure("pages of 100 posts stored", stored_rate, "per s"),
        Figure("COPY of their rows into bare tables", copied_rate, "per s"),
        Figure("stored against copied", stored_rate / copied_rate, "x", at_least=0.3),
        Figure("new page of 100 posts, p50", 1000 * percentile(taken, 0.5), "ms", limit=15),
        Figure("new page of 100 posts, p95", 1000 * percentile(taken, 0.95), "ms"),
        Figure("the same page again, p50", 1000 * percentile(again, 0.5), "ms"),
        Figure("statements a page, the checkpoint's included", statements, "", limit=3),
        Figure("tuples written by the same page again, beside the job's", tuples, "", limit=0),
    ]


def begin(database: Database) -> Claim:
    with database.begin() as conn:
        enqueueing.enqueue(conn, subreddit="python", priority=50, source=JobSource.USER)
        (claim,) = job_claim.claim_jobs(
            conn, worker="bench", claim_token=uuid.uuid4(), at_most=1, lease_seconds=3600
        )
    return claim


def page(number: int) -> Items:
    """Return a hundred posts of usual size. A few mention other subreddits."""
    posts = []
    for index in range(POSTS):
        serial = number * POSTS + index
        author = Account(f"author_{serial * 7919 % AUTHORS}", f"t2_{serial * 7919 % AUTHORS}")
        post = crawled.post(f"{serial:x}", author=author, body="Some words of a post. " * 20)
        posts.append(dataclasses.replace(post, mentions=("rust",) if index % 20 == 0 else ()))
    return Items(posts=tuple(posts))


def store(database: Database, claim: Claim, items: Items) -> float:
    begun = time.perf_counter()
    database.run(lambda conn: write(conn, claim, items))
    return time.perf_counter() - begun


def rows_of(bare: "psycopg.Connection[tuple[Any, ...]]", items: Items) -> Rows:
    """Return the rows that a stored page has written, by table.

    The rows are values in memory, so that COPY begins with the same input as `store`.
    """
    keys = {
        "posts": [post.id for post in items.posts],
        "authors": [post.author.name for post in items.posts if post.author],
    }
    found = {table: bare.execute(query, keys).fetchall() for table, query in WRITTEN.items()}  # type: ignore[call-overload]
    assert {len(rows) for rows in found.values()} == {POSTS}
    return found


def copy(bare: "psycopg.Connection[tuple[Any, ...]]", found: Rows) -> float:
    begun = time.perf_counter()
    with bare.transaction():
        for table, rows in found.items():
            with bare.cursor().copy(f"COPY bare_{table} FROM STDIN") as sink:  # type: ignore[arg-type]
                for row in rows:
                    sink.write_row(row)
    return time.perf_counter() - begun


def write(conn: Connection, claim: Claim, items: Items) -> None:
    leases.save_checkpoint(conn, claim=claim, checkpoint={"v": 1, "phase": "posts"})
    crawled_items.store(conn, items=items, known_subreddits={"python": claim.subreddit_id})


def count(database: Database, claim: Claim) -> tuple[int, int]:
    """Store a known page again. Return the number of statements and of written tuples."""
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    with database.begin() as conn:
        before = tuples_written(conn)
        event.listen(conn, "before_cursor_execute", note)
        write(conn, claim, page(0))
        event.remove(conn, "before_cursor_execute", note)
        return len(sent), tuples_written(conn) - before


def tuples_written(conn: Connection) -> int:
    """Return the tuples that this session has written since its last report of statistics.

    The table of jobs is not counted.
    """
    query = (
        "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables "
        "WHERE relname <> 'crawl_jobs'"
    )
    return int(conn.execute(text(query)).scalar_one())
