"""Index the jobs whose wait is derived, and end waits for pauses that lasted longer than those."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0020"
branch_labels = None
depends_on = None
# The old code parks until its cause's end; sweeps of the new code look at those jobs too.
runs_code_from = "0011"

PARKED = """
(visible_at) WHERE status = 'waiting'
    AND wait_reason IN ('outage', 'paused', 'politeness', 'rate_limit')
"""


def upgrade() -> None:
    # Beside running work, outside a transaction; what an attempt that was broken off left behind is
    # invalid and goes first.
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS crawl_jobs_parked_idx")
        op.execute(f"CREATE INDEX CONCURRENTLY crawl_jobs_parked_idx ON crawl_jobs {PARKED}")
    # Follow-up jobs of crawls that were asked for again during a pause without an end.
    op.execute("""
        UPDATE crawl_jobs SET visible_at = now()
        WHERE status = 'waiting' AND wait_reason = 'later' AND visible_at = '9999-12-31T00:00:00Z'
        """)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS crawl_jobs_parked_idx")
