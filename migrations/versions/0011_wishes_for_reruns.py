"""Keep a wish for a rerun while the crawl it waits for goes on, with the time it allowed."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
runs_code_from = "0010"

UPGRADE = """
ALTER TABLE crawl_jobs
    ADD COLUMN rerun_visible_at TIMESTAMP WITH TIME ZONE,
    DROP CONSTRAINT crawl_jobs_rerun_only_while_crawling_check,
    ADD CONSTRAINT crawl_jobs_rerun_while_the_crawl_goes_on_check CHECK (
        rerun_requested = (rerun_priority IS NOT NULL)
        AND rerun_requested = (rerun_source IS NOT NULL)
        AND (NOT rerun_requested OR status IN ('waiting', 'queued', 'crawling'))
    ) NOT VALID;
ALTER TABLE crawl_jobs VALIDATE CONSTRAINT crawl_jobs_rerun_while_the_crawl_goes_on_check
"""

DOWNGRADE = """
UPDATE crawl_jobs SET rerun_requested = false, rerun_priority = NULL, rerun_source = NULL
WHERE rerun_requested AND status <> 'crawling';
ALTER TABLE crawl_jobs
    DROP COLUMN rerun_visible_at,
    DROP CONSTRAINT crawl_jobs_rerun_while_the_crawl_goes_on_check,
    ADD CONSTRAINT crawl_jobs_rerun_only_while_crawling_check CHECK (
        rerun_requested = (rerun_priority IS NOT NULL)
        AND rerun_requested = (rerun_source IS NOT NULL)
        AND (NOT rerun_requested OR status = 'crawling')
    )
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
