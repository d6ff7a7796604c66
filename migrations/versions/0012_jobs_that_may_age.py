"""Index the jobs that may still age, instead of all that are queued."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
# Without the old index the old code's aging is slower, and as right as before.
runs_code_from = "0011"

INDEX = """
CREATE INDEX CONCURRENTLY crawl_jobs_climbing_idx ON crawl_jobs (queued_at, id)
    WHERE status = 'queued' AND priority < priority_ceiling
"""
OLD_INDEX = """
CREATE INDEX CONCURRENTLY crawl_jobs_aging_idx ON crawl_jobs (queued_at) WHERE status = 'queued'
"""


def upgrade() -> None:
    _replace("crawl_jobs_aging_idx", "crawl_jobs_climbing_idx", INDEX)


def downgrade() -> None:
    _replace("crawl_jobs_climbing_idx", "crawl_jobs_aging_idx", OLD_INDEX)


def _replace(old: str, new: str, create: str) -> None:
    # Beside running work, outside a transaction; what an attempt that was broken off left behind is
    # invalid and goes first.
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {new}")
        op.execute(create)
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {old}")
