"""Keep the job that a follow-up job follows, and the time that workers spent on a job."""

from __future__ import annotations

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None
runs_code_from = "0011"  # earlier code creates follow-up jobs and ends claims without these values

UPGRADE = """
ALTER TABLE crawl_jobs
    ADD COLUMN follow_up_of BIGINT,
    ADD COLUMN duration_seconds DOUBLE PRECISION
"""

DOWNGRADE = """
ALTER TABLE crawl_jobs
    DROP COLUMN duration_seconds,
    DROP COLUMN follow_up_of
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
