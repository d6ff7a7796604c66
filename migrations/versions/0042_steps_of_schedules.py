"""Let a schedule create a group of steps, in place of a crawl of one subreddit."""

from __future__ import annotations

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None
# Earlier code sees the due time `infinity` in next_run_at, so it neither fires nor disables a
# schedule with steps. The last constraint refuses its changes of the due time.
runs_code_from = "0011"

UPGRADE = """
ALTER TABLE scheduled_jobs
    ALTER COLUMN subreddit_id DROP NOT NULL,
    ADD COLUMN steps JSONB,
    ADD COLUMN steps_next_run_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT scheduled_jobs_subreddit_or_steps_check
        CHECK (num_nonnulls(subreddit_id, steps) = 1),
    ADD CONSTRAINT scheduled_jobs_steps_check CHECK (jsonb_typeof(steps) = 'array'),
    ADD CONSTRAINT scheduled_jobs_steps_next_run_check
        CHECK (CASE WHEN steps IS NULL THEN steps_next_run_at IS NULL
            ELSE next_run_at IS NULL OR next_run_at = 'infinity' AND steps_next_run_at IS NOT NULL
            END);

CREATE INDEX scheduled_jobs_steps_due_idx ON scheduled_jobs (steps_next_run_at)
    WHERE enabled AND steps_next_run_at IS NOT NULL;

ALTER TABLE scheduled_job_runs ADD COLUMN group_id BIGINT
"""

# Earlier code has no schedules without a subreddit.
DOWNGRADE = """
ALTER TABLE scheduled_job_runs DROP COLUMN group_id;

DELETE FROM scheduled_jobs WHERE steps IS NOT NULL;

ALTER TABLE scheduled_jobs
    DROP COLUMN steps,
    DROP COLUMN steps_next_run_at,
    ALTER COLUMN subreddit_id SET NOT NULL
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
