"""Count equal deferrals in one attempt; let a schedule be deleted without writing to its jobs."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None
# Earlier code writes attempts that count once. What it leaves of a deleted schedule is not shown,
# and is pruned.
runs_code_from = "0011"

UPGRADE = """
ALTER TABLE crawl_job_attempts
    ADD COLUMN times INTEGER DEFAULT '1' NOT NULL,
    ADD COLUMN first_started_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE crawl_jobs DROP CONSTRAINT crawl_jobs_scheduled_job_id_fkey;

ALTER TABLE scheduled_job_runs DROP CONSTRAINT scheduled_job_runs_scheduled_job_id_fkey
"""

DOWNGRADE = """
DELETE FROM scheduled_job_runs AS run
WHERE NOT EXISTS (SELECT 1 FROM scheduled_jobs WHERE id = run.scheduled_job_id);

UPDATE crawl_jobs AS job SET scheduled_job_id = NULL
WHERE scheduled_job_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM scheduled_jobs WHERE id = job.scheduled_job_id);

ALTER TABLE scheduled_job_runs ADD CONSTRAINT scheduled_job_runs_scheduled_job_id_fkey
    FOREIGN KEY (scheduled_job_id) REFERENCES scheduled_jobs (id) ON DELETE CASCADE;

ALTER TABLE crawl_jobs ADD CONSTRAINT crawl_jobs_scheduled_job_id_fkey
    FOREIGN KEY (scheduled_job_id) REFERENCES scheduled_jobs (id) ON DELETE SET NULL;

ALTER TABLE crawl_job_attempts DROP COLUMN first_started_at, DROP COLUMN times
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
