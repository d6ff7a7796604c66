"""Create groups, their steps and waits, and mark the jobs that steps follow."""

from __future__ import annotations

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None
# Earlier code ends a watched job without a row in upstream_changes. A sweep finds these jobs.
runs_code_from = "0011"

UPGRADE = """
ALTER TABLE crawl_jobs
    ADD COLUMN watched BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN shared BOOLEAN DEFAULT true NOT NULL;

CREATE TABLE job_groups (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    created_by TEXT NOT NULL,
    sealed_at TIMESTAMP WITH TIME ZONE,
    paused_at TIMESTAMP WITH TIME ZONE,
    cancelled_at TIMESTAMP WITH TIME ZONE,
    cancelled_by TEXT,
    generation INTEGER DEFAULT '1' NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    ready_at TIMESTAMP WITH TIME ZONE,
    pending INTEGER DEFAULT '0' NOT NULL,
    enqueued INTEGER DEFAULT '0' NOT NULL,
    held INTEGER DEFAULT '0' NOT NULL,
    succeeded INTEGER DEFAULT '0' NOT NULL,
    failed INTEGER DEFAULT '0' NOT NULL,
    cancelled INTEGER DEFAULT '0' NOT NULL,
    skipped INTEGER DEFAULT '0' NOT NULL,
    scheduled_job_id BIGINT,
    due_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT job_groups_pkey PRIMARY KEY (id),
    CONSTRAINT job_groups_name_check CHECK (char_length(name) BETWEEN 1 AND 200),
    CONSTRAINT job_groups_generation_check CHECK (generation >= 1),
    CONSTRAINT job_groups_counts_check
        CHECK (pending >= 0 AND enqueued >= 0 AND held >= 0 AND succeeded >= 0 AND failed >= 0
            AND cancelled >= 0 AND skipped >= 0),
    CONSTRAINT job_groups_finished_has_outcome_check
        CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT job_groups_finished_is_sealed_check
        CHECK (finished_at IS NULL OR sealed_at IS NOT NULL),
    CONSTRAINT job_groups_outcome_check
        CHECK (outcome IS NULL OR outcome IN ('succeeded', 'partly', 'failed', 'cancelled'))
);

CREATE INDEX job_groups_finished_idx ON job_groups (finished_at, id)
    WHERE finished_at IS NOT NULL;

CREATE INDEX job_groups_name_idx ON job_groups (lower(name), id);

CREATE INDEX job_groups_open_idx ON job_groups (id) WHERE finished_at IS NULL;

CREATE INDEX job_groups_ready_idx ON job_groups (ready_at, id) WHERE ready_at IS NOT NULL;

CREATE INDEX job_groups_scheduled_job_id_idx ON job_groups (scheduled_job_id, id)
    WHERE scheduled_job_id IS NOT NULL;

CREATE TABLE group_steps (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    group_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    subreddit_id BIGINT NOT NULL,
    priority SMALLINT NOT NULL,
    max_retries SMALLINT NOT NULL,
    visible_at TIMESTAMP WITH TIME ZONE,
    traceparent TEXT,
    on_upstream_failure TEXT DEFAULT 'cancel' NOT NULL,
    require_outcome TEXT DEFAULT 'any' NOT NULL,
    state TEXT DEFAULT 'pending' NOT NULL,
    reason TEXT,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    job_id BIGINT,
    follows_rerun BOOLEAN DEFAULT false NOT NULL,
    waiting_for INTEGER DEFAULT '0' NOT NULL,
    depth SMALLINT DEFAULT '0' NOT NULL,
    proceeds BOOLEAN DEFAULT false NOT NULL,
    skipped_for_upstream BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT group_steps_pkey PRIMARY KEY (id),
    CONSTRAINT group_steps_group_id_key_key UNIQUE (group_id, key),
    CONSTRAINT group_steps_state_check
        CHECK (state IN ('pending', 'enqueued', 'held', 'succeeded', 'failed', 'cancelled',
            'skipped')),
    CONSTRAINT group_steps_on_upstream_failure_check
        CHECK (on_upstream_failure IN ('cancel', 'proceed', 'hold')),
    CONSTRAINT group_steps_require_outcome_check
        CHECK (require_outcome IN ('any', 'crawled', 'complete')),
    CONSTRAINT group_steps_key_check CHECK (char_length(key) BETWEEN 1 AND 100),
    CONSTRAINT group_steps_priority_check CHECK (priority BETWEEN 0 AND 100),
    CONSTRAINT group_steps_max_retries_check CHECK (max_retries BETWEEN 0 AND 100),
    CONSTRAINT group_steps_waiting_for_check CHECK (waiting_for >= 0),
    CONSTRAINT group_steps_enqueued_has_job_check
        CHECK (state <> 'enqueued' OR job_id IS NOT NULL),
    CONSTRAINT group_steps_group_id_fkey FOREIGN KEY(group_id) REFERENCES job_groups (id),
    CONSTRAINT group_steps_subreddit_id_fkey FOREIGN KEY(subreddit_id) REFERENCES subreddits (id)
);

CREATE INDEX group_steps_enqueued_idx ON group_steps (id) WHERE state = 'enqueued';

CREATE INDEX group_steps_held_idx ON group_steps (changed_at) WHERE state = 'held';

CREATE INDEX group_steps_job_id_idx ON group_steps (job_id) WHERE job_id IS NOT NULL;

CREATE INDEX group_steps_ready_idx ON group_steps (group_id, id)
    WHERE state = 'pending' AND waiting_for = 0;

CREATE INDEX group_steps_state_idx ON group_steps (group_id, state, id);

CREATE INDEX group_steps_subreddit_id_idx ON group_steps (subreddit_id, id);

CREATE TABLE step_waits (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    step_id BIGINT NOT NULL,
    upstream_step_id BIGINT,
    upstream_job_id BIGINT,
    upstream_group_id BIGINT,
    ended_at TIMESTAMP WITH TIME ZONE,
    state TEXT,
    reason TEXT,
    CONSTRAINT step_waits_pkey PRIMARY KEY (id),
    CONSTRAINT step_waits_upstream_check
        CHECK (num_nonnulls(upstream_step_id, upstream_job_id, upstream_group_id) = 1),
    CONSTRAINT step_waits_ended_has_state_check CHECK ((ended_at IS NULL) = (state IS NULL)),
    CONSTRAINT step_waits_state_check
        CHECK (state IS NULL OR state IN ('succeeded', 'failed', 'cancelled', 'skipped')),
    CONSTRAINT step_waits_step_id_fkey FOREIGN KEY(step_id) REFERENCES group_steps (id) ON
        DELETE CASCADE
);

CREATE INDEX step_waits_open_job_idx ON step_waits (id)
    WHERE upstream_job_id IS NOT NULL AND ended_at IS NULL;

CREATE INDEX step_waits_step_id_idx ON step_waits (step_id, id);

CREATE INDEX step_waits_upstream_group_idx ON step_waits (upstream_group_id, id)
    WHERE upstream_group_id IS NOT NULL;

CREATE INDEX step_waits_upstream_job_idx ON step_waits (upstream_job_id, id)
    WHERE upstream_job_id IS NOT NULL;

CREATE INDEX step_waits_upstream_step_idx ON step_waits (upstream_step_id, id)
    WHERE upstream_step_id IS NOT NULL;

CREATE TABLE upstream_changes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    job_id BIGINT,
    step_id BIGINT,
    group_id BIGINT,
    actor TEXT,
    CONSTRAINT upstream_changes_pkey PRIMARY KEY (id),
    CONSTRAINT upstream_changes_upstream_check CHECK (num_nonnulls(job_id, step_id, group_id) = 1)
);

CREATE TABLE group_finishes (
    group_id BIGINT NOT NULL,
    generation INTEGER NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome TEXT NOT NULL,
    CONSTRAINT group_finishes_pkey PRIMARY KEY (group_id, generation),
    CONSTRAINT group_finishes_outcome_check
        CHECK (outcome IN ('succeeded', 'partly', 'failed', 'cancelled')),
    CONSTRAINT group_finishes_group_id_fkey FOREIGN KEY(group_id) REFERENCES job_groups (id)
        ON DELETE CASCADE
)
"""

DOWNGRADE = """
DROP TABLE group_finishes, upstream_changes, step_waits, group_steps, job_groups;

ALTER TABLE crawl_jobs DROP COLUMN watched, DROP COLUMN shared
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
