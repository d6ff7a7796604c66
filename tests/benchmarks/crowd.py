"""Fill a database as after long use: many finished jobs, some live jobs, attempts and counts."""

import contextlib
from collections.abc import Iterator, Sequence

import psycopg

SUBREDDITS = 50_000
LIVE = 20_000
TABLES = ("crawl_jobs", "crawl_job_attempts")

# Finished jobs, oldest first, over 30 days. 2 % failed, 1 % are cancelled, 10 % were retried.
# Every 49th job failed: 49 and the number of subreddits have no common divisor, so that each
# subreddit has failed jobs.
_FINISHED = """
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, visible_at,
        queued_at, created_at, finished_at, retries, outcome, error_kind, error_message)
    SELECT 1 + n %% %(subreddits)s, kind.status, (n * 7) %% 71, (n * 7) %% 71,
        (ARRAY['user', 'schedule', 'discovery', 'stale'])[1 + n %% 4], made.at, made.at, made.at,
        made.at + interval '40 seconds', CASE WHEN n %% 10 = 0 THEN 1 ELSE 0 END,
        CASE kind.status WHEN 'succeeded' THEN 'crawled' END,
        CASE kind.status WHEN 'failed' THEN 'permanent' END,
        CASE kind.status WHEN 'failed' THEN 'HTTP 404 for page ' || n END
    FROM generate_series(1, %(finished)s) AS n,
        LATERAL (SELECT now() - interval '60 seconds'
            - interval '30 days' * (1 - n::float8 / %(finished)s) AS at) AS made,
        LATERAL (SELECT CASE WHEN n %% 49 = 0 THEN 'failed' WHEN n %% 100 = 1 THEN 'cancelled'
            ELSE 'succeeded' END AS status) AS kind
"""
_ATTEMPTS = """
    INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome)
    SELECT id, 'worker-' || id %% 20, created_at + interval '10 seconds', finished_at, 'succeeded'
    FROM crawl_jobs WHERE finished_at IS NOT NULL ORDER BY id
"""
_LIVE = """
    INSERT INTO crawl_jobs (subreddit_id, status, wait_reason, priority, base_priority, source,
        visible_at, created_at, queued_at)
    SELECT n, CASE WHEN n %% 10 = 0 THEN 'waiting' ELSE 'queued' END,
        CASE WHEN n %% 10 = 0 THEN 'later' END, n %% 71, n %% 71, 'user',
        CASE WHEN n %% 10 = 0 THEN now() + interval '1 hour' ELSE now() END,
        now() - interval '1 minute' * (n %% 60), now() - interval '1 minute' * (n %% 60)
    FROM generate_series(1, %(live)s) AS n
"""

_INDEXES = """
    SELECT CAST(CAST(indexrelid AS regclass) AS text), pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = ANY (CAST(%s AS regclass[])) AND NOT indisprimary
    ORDER BY 1
"""


def fill(url: str, *, finished: int, live: int = LIVE, subreddits: int = SUBREDDITS) -> None:
    """Insert jobs as they are in production. The queue's own functions would take an hour."""
    values = {"subreddits": subreddits, "finished": finished, "live": live}
    with psycopg.connect(url, autocommit=True) as connection:
        with written_at_once(connection):
            connection.execute(
                "INSERT INTO subreddits (name) "
                "SELECT 'crowd_' || n FROM generate_series(1, %s) AS n",
                [subreddits],
            )
            for statement in (_FINISHED, _ATTEMPTS, _LIVE):
                connection.execute(statement, values)  # type: ignore[arg-type]
        connection.execute(
            "INSERT INTO crawl_job_counts (status, jobs) SELECT status, count(*) FROM crawl_jobs "
            "WHERE status IN ('succeeded', 'failed', 'cancelled') GROUP BY status"
        )
        connection.execute("VACUUM (ANALYZE)")


@contextlib.contextmanager
def written_at_once(
    connection: "psycopg.Connection[tuple[object, ...]]", *, tables: Sequence[str] = TABLES
) -> Iterator[None]:
    """Disable triggers and foreign keys, and drop the indexes of `tables`, during the block.

    The inserts of millions of rows are then ten times as fast. The indexes are created again at the
    end.
    """
    connection.execute("SET session_replication_role = replica")
    connection.execute("SET maintenance_work_mem = '256MB'")
    indexes = connection.execute(_INDEXES, [list(tables)]).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")  # type: ignore[call-overload]
    yield
    for _, definition in indexes:
        connection.execute(definition)  # type: ignore[call-overload]
    connection.execute("SET session_replication_role = origin")
