"""Measure the bytes of WAL and of disk per job and per post. Sizing is based on these figures."""

import uuid

from sqlalchemy import text

from benchmarks import page_storage
from benchmarks.harness import Bench, Figure
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.job import JobSource
from crawljobs.repository.queue import job_claim, job_completion
from support import enqueueing

JOBS, JOBS_QUICK = 50_000, 10_000
CHUNK = 5_000  # jobs per transaction that enqueues
BATCH = 200  # jobs per claim and per completion
PAGES, PAGES_QUICK = 300, 50
KB = 1_000


def measure(bench: Bench) -> list[Figure]:
    return [*of_jobs(bench), *of_posts(bench)]


def of_jobs(bench: Bench) -> list[Figure]:
    jobs = JOBS_QUICK if bench.quick else JOBS
    with bench.database("job_cost") as url:
        database = Database(url, pool_size=1)
        empty, before = disk(database), wal(database)
        for at in range(0, jobs, CHUNK):
            database.run(lambda conn, at=at: enqueue(conn, at))
        queued, enqueued = disk(database), wal(database)
        while database.run(claim_and_complete):
            pass
        ended = wal(database)
        with database.read() as conn:
            conn.execute(text("VACUUM ANALYZE"))
        finished = disk(database)
        database.close()
    return [
        each("WAL of an enqueue, the subreddit's row included", enqueued - before, jobs),
        each("WAL of a claim and its completion", ended - enqueued, jobs),
        each("disk of a queued job, its subreddit's row included", queued - empty, jobs),
        each("disk of a finished one with its attempt", finished - empty, jobs),
    ]


def of_posts(bench: Bench) -> list[Figure]:
    """Measure posts from `page_storage`, with authors and edges. A text has 440 characters."""
    pages = PAGES_QUICK if bench.quick else PAGES
    with bench.database("post_cost") as url:
        database = Database(url, pool_size=1)
        claim = page_storage.begin(database)
        empty, before = disk(database), wal(database)
        for number in range(pages):
            page_storage.store(database, claim, page_storage.page(number))
        stored, full = wal(database), disk(database)
        database.close()
    posts = pages * page_storage.POSTS
    return [
        each("WAL of a stored post", stored - before, posts),
        each("disk of a stored post", full - empty, posts),
    ]


def each(name: str, total: int, count: int) -> Figure:
    return Figure(name, total / count / KB, "KB")


def enqueue(conn: Connection, first: int) -> None:
    names = [f"sub_{number}" for number in range(first, first + CHUNK)]
    enqueueing.enqueue_many(conn, subreddits_named=names, priority=50, source=JobSource.USER)


def claim_and_complete(conn: Connection) -> int:
    claimed = job_claim.claim_jobs(
        conn, worker="bench", claim_token=uuid.uuid4(), at_most=BATCH, lease_seconds=30
    )
    job_completion.complete_claims(
        conn, completions=[completion.completed(claim, "crawled") for claim in claimed]
    )
    return len(claimed)


def disk(database: Database) -> int:
    """Return the bytes of all tables and indexes, by the lengths of their files."""
    query = (
        "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c "
        "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
    )
    with database.begin() as conn:
        return int(conn.execute(text(query)).scalar_one())


def wal(database: Database) -> int:
    with database.begin() as conn:
        query = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"
        return int(conn.execute(text(query)).scalar_one())
