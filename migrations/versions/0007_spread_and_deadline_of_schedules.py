"""Give schedules a spread, a deadline and a rate; tell runs asked for by hand from the others."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE scheduled_jobs
    ADD COLUMN misfire_deadline_seconds INTEGER,
    ADD COLUMN spread_seconds INTEGER DEFAULT '0' NOT NULL,
    ADD COLUMN runs_per_day DOUBLE PRECISION,
    ADD CONSTRAINT scheduled_jobs_misfire_deadline_check
        CHECK (misfire_deadline_seconds BETWEEN 1 AND 31622400),
    ADD CONSTRAINT scheduled_jobs_spread_check CHECK (spread_seconds BETWEEN 0 AND 86400),
    ADD CONSTRAINT scheduled_jobs_runs_per_day_check
        CHECK (runs_per_day >= 0 AND runs_per_day <= 1440);

ALTER TABLE scheduled_job_runs ADD COLUMN manual BOOLEAN DEFAULT false NOT NULL;

CREATE INDEX crawl_jobs_scheduled_job_id_idx ON crawl_jobs (scheduled_job_id)
    WHERE scheduled_job_id IS NOT NULL
"""

DOWNGRADE = """
DROP INDEX crawl_jobs_scheduled_job_id_idx;

ALTER TABLE scheduled_job_runs DROP COLUMN manual;

ALTER TABLE scheduled_jobs
    DROP COLUMN misfire_deadline_seconds,
    DROP COLUMN spread_seconds,
    DROP COLUMN runs_per_day
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
