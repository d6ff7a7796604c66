"""A database with many groups, for tests of plans."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Database

STEPS = 40_000


@pytest.fixture(scope="module")
def crowded(databases: Any) -> Iterator[Database]:
    """Yield many groups, each with 20 steps that wait for one another. No table was analyzed."""
    with databases.clone() as url:
        opened = Database(url)
        with opened.begin() as conn:
            for table in ("group_steps", "step_waits", "job_groups", "crawl_jobs"):
                conn.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = off)"))
                conn.execute(text(f"ANALYZE {table}"))
            conn.execute(
                text(
                    "INSERT INTO subreddits (name) SELECT 'sub_' || n FROM generate_series(1, :n) n"
                ),
                {"n": STEPS},
            )
            conn.execute(
                text(
                    "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,"
                    " finished_at) SELECT id, 'succeeded', 5, 5, 'user', now() FROM subreddits"
                )
            )
            conn.execute(
                text(
                    "INSERT INTO job_groups (created_by, sealed_at) "
                    "SELECT 'ada', now() FROM generate_series(1, :n)"
                ),
                {"n": STEPS},  # most have no step; PostgreSQL 15 would scan a small table
            )
            conn.execute(
                text(
                    "INSERT INTO group_steps (group_id, key, subreddit_id, priority, max_retries, "
                    "state, job_id) SELECT (id - 1) / 20 + 1, 'k' || id, id, 50, 3, "
                    "'succeeded', id FROM subreddits ORDER BY id"
                )
            )
            conn.execute(
                text(
                    "INSERT INTO step_waits (step_id, upstream_step_id, state, ended_at) "
                    "SELECT id, id - 1, 'succeeded', now() FROM group_steps WHERE id % 20 <> 1"
                )
            )
        yield opened
        opened.close()
