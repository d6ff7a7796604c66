"""Keep the history of the attempts to deliver webhooks, by the minute and by the hour."""

from __future__ import annotations

from alembic import op

revision = "0068"
down_revision = "0066"
branch_labels = None
depends_on = None
runs_code_from = "0011"

UPGRADE = """
CREATE TABLE webhook_history (
    endpoint_id BIGINT NOT NULL,
    step_minutes SMALLINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    minutes SMALLINT DEFAULT '1' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    attempts_failed INTEGER DEFAULT '0' NOT NULL,
    attempt_p50_ms DOUBLE PRECISION NOT NULL,
    attempt_p95_ms DOUBLE PRECISION NOT NULL,
    CONSTRAINT webhook_history_pkey PRIMARY KEY (endpoint_id, step_minutes, at),
    CONSTRAINT webhook_history_step_minutes_check CHECK (step_minutes IN (1, 60))
);
CREATE INDEX webhook_history_at_idx ON webhook_history (step_minutes, at);
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("DROP TABLE webhook_history")
