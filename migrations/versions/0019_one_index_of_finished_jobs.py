"""Find finished jobs by the index of their status and end alone."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None
# Without the index the old code sorts what it prunes or samples: slower, and as right as before.
runs_code_from = "0011"

INDEX = "crawl_jobs_finished_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")


def downgrade() -> None:
    # Beside running work, outside a transaction; what an attempt that was broken off left behind is
    # invalid and goes first.
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
        op.execute(
            f"CREATE INDEX CONCURRENTLY {INDEX} ON crawl_jobs (finished_at, id) "
            "WHERE status IN ('succeeded', 'failed', 'cancelled')"
        )
