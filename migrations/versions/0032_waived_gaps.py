"""Keep that an operator let a job begin before the gap between two crawls has passed."""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None
runs_code_from = "0011"  # with earlier code the job waits for the gap again after a pause


def upgrade() -> None:
    op.execute("ALTER TABLE crawl_jobs ADD COLUMN gap_waived BOOLEAN DEFAULT false NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE crawl_jobs DROP COLUMN gap_waived")
