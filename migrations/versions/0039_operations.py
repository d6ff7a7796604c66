"""Create operations, the large changes that workers make in chunks."""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None
runs_code_from = "0011"

UPGRADE = """
CREATE TABLE operations (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id BIGINT NOT NULL,
    parameters JSONB DEFAULT '{}' NOT NULL,
    state TEXT DEFAULT 'pending' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    created_by TEXT NOT NULL,
    request_id TEXT,
    traceparent TEXT,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    next_run_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    total INTEGER NOT NULL,
    done INTEGER DEFAULT '0' NOT NULL,
    position BIGINT DEFAULT '0' NOT NULL,
    counts JSONB DEFAULT '{}' NOT NULL,
    jobs_changed INTEGER DEFAULT '0' NOT NULL,
    kept_jobs JSONB DEFAULT '[]' NOT NULL,
    errors JSONB DEFAULT '[]' NOT NULL,
    error_count INTEGER DEFAULT '0' NOT NULL,
    failed_tries SMALLINT DEFAULT '0' NOT NULL,
    CONSTRAINT operations_pkey PRIMARY KEY (id),
    CONSTRAINT operations_state_check
        CHECK (state IN ('pending', 'running', 'succeeded', 'failed')),
    CONSTRAINT operations_finished_has_end_check
        CHECK ((finished_at IS NULL) = (state IN ('pending', 'running'))),
    CONSTRAINT operations_counts_check
        CHECK (total >= 0 AND done >= 0 AND jobs_changed >= 0 AND error_count >= 0
            AND failed_tries >= 0)
);

CREATE INDEX operations_due_idx ON operations (next_run_at, id) WHERE finished_at IS NULL;

CREATE INDEX operations_finished_idx ON operations (finished_at, id)
    WHERE finished_at IS NOT NULL;

CREATE UNIQUE INDEX operations_open_key ON operations (resource_type, resource_id)
    WHERE finished_at IS NULL
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("DROP TABLE operations")
