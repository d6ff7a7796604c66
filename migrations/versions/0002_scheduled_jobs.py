"""Create schedules and the ledger of their runs."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE scheduled_jobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    subreddit_id BIGINT NOT NULL,
    cron_expression TEXT NOT NULL,
    timezone TEXT DEFAULT 'UTC' NOT NULL,
    priority SMALLINT DEFAULT '20' NOT NULL,
    max_retries SMALLINT,
    enabled BOOLEAN DEFAULT true NOT NULL,
    misfire_policy TEXT DEFAULT 'fire_once' NOT NULL,
    anchor_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    next_run_at TIMESTAMP WITH TIME ZONE,
    last_run_at TIMESTAMP WITH TIME ZONE,
    disabled_reason TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT scheduled_jobs_pkey PRIMARY KEY (id),
    CONSTRAINT scheduled_jobs_priority_check CHECK (priority BETWEEN 0 AND 100),
    CONSTRAINT scheduled_jobs_max_retries_check CHECK (max_retries BETWEEN 0 AND 100),
    CONSTRAINT scheduled_jobs_name_check CHECK (char_length(name) BETWEEN 1 AND 200),
    CONSTRAINT scheduled_jobs_enabled_has_next_run_check CHECK (NOT enabled OR next_run_at IS NOT
        NULL),
    CONSTRAINT scheduled_jobs_misfire_policy_check CHECK (misfire_policy IN ('fire_once',
        'skip')),
    CONSTRAINT scheduled_jobs_subreddit_id_fkey FOREIGN KEY(subreddit_id) REFERENCES subreddits
        (id)
);

CREATE INDEX scheduled_jobs_due_idx ON scheduled_jobs (next_run_at) WHERE enabled;

CREATE UNIQUE INDEX scheduled_jobs_name_key ON scheduled_jobs (lower(name));

CREATE INDEX scheduled_jobs_subreddit_id_idx ON scheduled_jobs (subreddit_id);

CREATE TABLE scheduled_job_runs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    scheduled_job_id BIGINT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_until TIMESTAMP WITH TIME ZONE,
    ticks BIGINT DEFAULT '1' NOT NULL,
    fired_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    outcome TEXT NOT NULL,
    job_id BIGINT,
    CONSTRAINT scheduled_job_runs_pkey PRIMARY KEY (id),
    CONSTRAINT scheduled_job_runs_outcome_check CHECK (outcome IN ('enqueued', 'merged',
        'skipped', 'missed')),
    CONSTRAINT scheduled_job_runs_ticks_check CHECK (ticks >= 1),
    CONSTRAINT scheduled_job_runs_scheduled_job_id_due_at_key UNIQUE (scheduled_job_id, due_at),
    CONSTRAINT scheduled_job_runs_scheduled_job_id_fkey FOREIGN KEY(scheduled_job_id) REFERENCES
        scheduled_jobs (id) ON DELETE CASCADE
);

CREATE INDEX scheduled_job_runs_fired_at_idx ON scheduled_job_runs (fired_at)
"""

DOWNGRADE = """
DROP TABLE scheduled_job_runs;
DROP TABLE scheduled_jobs
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
