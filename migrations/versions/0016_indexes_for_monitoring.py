"""Index what monitoring looks for: the oldest of the jobs that have aged, schedules turned off."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

runs_code_from = "0011"

INDEXES = {
    "crawl_jobs_aged_idx": """
CREATE INDEX CONCURRENTLY crawl_jobs_aged_idx ON crawl_jobs (queued_at)
    WHERE status = 'queued' AND priority >= priority_ceiling
""",
    "scheduled_jobs_disabled_idx": """
CREATE INDEX CONCURRENTLY scheduled_jobs_disabled_idx ON scheduled_jobs (id) WHERE NOT enabled
""",
}


def upgrade() -> None:
    # Beside running work, outside a transaction; what an attempt that was broken off left behind is
    # invalid and goes first.
    with op.get_context().autocommit_block():
        for name, create in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(create)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
