"""Record that the earlier run of a process ended without a shutdown."""

from __future__ import annotations

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None
runs_code_from = "0011"  # earlier code leaves both columns as they are

UPGRADE = """
ALTER TABLE service_instances
    ADD COLUMN run_id UUID,
    ADD COLUMN lost_at TIMESTAMP WITH TIME ZONE
"""
DOWNGRADE = """
ALTER TABLE service_instances
    DROP COLUMN run_id,
    DROP COLUMN lost_at
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
