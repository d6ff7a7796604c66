"""Create the queue, and how its claims ended."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE crawl_jobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    subreddit_id BIGINT NOT NULL,
    status TEXT NOT NULL,
    wait_reason TEXT,
    priority SMALLINT NOT NULL,
    base_priority SMALLINT NOT NULL,
    priority_ceiling SMALLINT DEFAULT '100' NOT NULL,
    source TEXT NOT NULL,
    scheduled_job_id BIGINT,
    depth SMALLINT DEFAULT '0' NOT NULL,
    visible_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    queued_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    retry_count INTEGER DEFAULT '0' NOT NULL,
    retries INTEGER DEFAULT '0' NOT NULL,
    max_retries SMALLINT DEFAULT '3' NOT NULL,
    next_retry_at TIMESTAMP WITH TIME ZONE GENERATED ALWAYS AS (CASE WHEN wait_reason = 'retry'
        THEN visible_at END) STORED,
    rescues_in_a_row SMALLINT DEFAULT '0' NOT NULL,
    claim_token UUID,
    claimed_by TEXT,
    claimed_at TIMESTAMP WITH TIME ZONE,
    lease_expires_at TIMESTAMP WITH TIME ZONE,
    progress_at TIMESTAMP WITH TIME ZONE,
    checkpoint JSONB,
    rerun_requested BOOLEAN DEFAULT false NOT NULL,
    rerun_priority SMALLINT,
    rerun_source TEXT,
    outcome TEXT,
    error_kind TEXT,
    error_message TEXT,
    CONSTRAINT crawl_jobs_pkey PRIMARY KEY (id),
    CONSTRAINT crawl_jobs_status_check CHECK (status IN ('blocked', 'waiting', 'queued',
        'crawling', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT crawl_jobs_wait_reason_check CHECK (wait_reason IS NULL OR wait_reason IN ('retry',
        'rate_limit', 'politeness', 'paused', 'outage', 'later')),
    CONSTRAINT crawl_jobs_source_check CHECK (source IN ('user', 'schedule', 'discovery',
        'stale')),
    CONSTRAINT crawl_jobs_error_kind_check CHECK (error_kind IS NULL OR error_kind IN
        ('permanent', 'retryable', 'deferred')),
    CONSTRAINT crawl_jobs_waits_for_a_reason_check CHECK ((status = 'waiting') = (wait_reason IS
        NOT NULL)),
    CONSTRAINT crawl_jobs_claimed_iff_crawling_check CHECK ((status = 'crawling') = (claim_token
        IS NOT NULL) AND (claim_token IS NULL) = (claimed_by IS NULL) AND (claim_token IS NULL) =
        (claimed_at IS NULL) AND (claim_token IS NULL) = (lease_expires_at IS NULL)),
    CONSTRAINT crawl_jobs_finished_iff_final_check CHECK ((status IN ('succeeded', 'failed',
        'cancelled')) = (finished_at IS NOT NULL)),
    CONSTRAINT crawl_jobs_priorities_check CHECK (priority BETWEEN 0 AND 100 AND base_priority
        BETWEEN 0 AND 100 AND priority_ceiling BETWEEN 0 AND 100 AND rerun_priority BETWEEN 0 AND
        100),
    CONSTRAINT crawl_jobs_retries_check CHECK (retry_count >= 0 AND retries >= 0 AND max_retries
        BETWEEN 0 AND 100),
    CONSTRAINT crawl_jobs_rerun_only_while_crawling_check CHECK (rerun_requested = (rerun_priority
        IS NOT NULL) AND rerun_requested = (rerun_source IS NOT NULL) AND (NOT rerun_requested OR
        status = 'crawling')),
    CONSTRAINT crawl_jobs_subreddit_id_fkey FOREIGN KEY(subreddit_id) REFERENCES subreddits (id),
    CONSTRAINT crawl_jobs_scheduled_job_id_fkey FOREIGN KEY(scheduled_job_id) REFERENCES
        scheduled_jobs (id) ON DELETE SET NULL
) WITH (
    fillfactor = 75,
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 500,
    autovacuum_analyze_scale_factor = 0.05
);

CREATE INDEX crawl_jobs_aging_idx ON crawl_jobs (queued_at) WHERE status = 'queued';

CREATE INDEX crawl_jobs_claim_idx
    ON crawl_jobs (priority DESC, created_at, id) WHERE status = 'queued';

CREATE INDEX crawl_jobs_crawling_idx ON crawl_jobs (id) WHERE status = 'crawling';

CREATE INDEX crawl_jobs_due_idx ON crawl_jobs (visible_at) WHERE status = 'waiting';

CREATE INDEX crawl_jobs_finished_idx
    ON crawl_jobs (finished_at, id) WHERE status IN ('succeeded', 'failed', 'cancelled');

CREATE UNIQUE INDEX crawl_jobs_live_key
    ON crawl_jobs (subreddit_id)
    WHERE status IN ('blocked', 'waiting', 'queued', 'crawling');

CREATE INDEX crawl_jobs_subreddit_id_idx ON crawl_jobs (subreddit_id, id);

CREATE TABLE crawl_job_attempts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    job_id BIGINT NOT NULL,
    worker TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome TEXT NOT NULL,
    error_kind TEXT,
    error_message TEXT,
    CONSTRAINT crawl_job_attempts_pkey PRIMARY KEY (id),
    CONSTRAINT crawl_job_attempts_outcome_check CHECK (outcome IN ('succeeded', 'failed',
        'deferred', 'released', 'lease_expired', 'cancelled'))
);

CREATE INDEX crawl_job_attempts_job_id_idx ON crawl_job_attempts (job_id)
"""

DOWNGRADE = """
DROP TABLE crawl_job_attempts;
DROP TABLE crawl_jobs
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
