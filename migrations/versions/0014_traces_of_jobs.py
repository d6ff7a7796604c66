"""Keep with a job what asked for it in a trace, so that its crawl continues that trace."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
# Older code leaves the columns alone: its jobs have no trace.
runs_code_from = "0011"

UPGRADE = """
ALTER TABLE crawl_jobs
    ADD COLUMN traceparent TEXT,
    ADD COLUMN rerun_traceparent TEXT,
    ADD CONSTRAINT crawl_jobs_traceparent_check CHECK (
        traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$'
        AND rerun_traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$'
    ) NOT VALID;
ALTER TABLE crawl_jobs VALIDATE CONSTRAINT crawl_jobs_traceparent_check
"""

DOWNGRADE = "ALTER TABLE crawl_jobs DROP COLUMN traceparent, DROP COLUMN rerun_traceparent"


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
