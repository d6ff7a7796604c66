"""Index the schedules that are turned off, which monitoring counts."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

runs_code_from = "0011"

NAME = "scheduled_jobs_disabled_idx"
INDEX = f"""
CREATE INDEX CONCURRENTLY {NAME} ON scheduled_jobs (id) WHERE NOT enabled
"""


def upgrade() -> None:
    # Beside running work, outside a transaction; what an attempt that was broken off left behind is
    # invalid and goes first.
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
        op.execute(INDEX)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
