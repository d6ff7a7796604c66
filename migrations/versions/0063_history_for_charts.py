"""Keep the history of the queue and of the budgets, by the minute and by the hour."""

from __future__ import annotations

from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None
runs_code_from = "0011"

UPGRADE = """
CREATE TABLE queue_history (
    step_minutes SMALLINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    minutes SMALLINT DEFAULT '1' NOT NULL,
    waiting DOUBLE PRECISION NOT NULL,
    crawling DOUBLE PRECISION NOT NULL,
    queued_0_24 DOUBLE PRECISION NOT NULL,
    queued_25_49 DOUBLE PRECISION NOT NULL,
    queued_50_74 DOUBLE PRECISION NOT NULL,
    queued_75_100 DOUBLE PRECISION NOT NULL,
    oldest_queued_seconds DOUBLE PRECISION NOT NULL,
    workers DOUBLE PRECISION NOT NULL,
    database_bytes DOUBLE PRECISION NOT NULL,
    dead_rows DOUBLE PRECISION NOT NULL,
    claims INTEGER DEFAULT '0' NOT NULL,
    succeeded INTEGER DEFAULT '0' NOT NULL,
    failed INTEGER DEFAULT '0' NOT NULL,
    cancelled INTEGER DEFAULT '0' NOT NULL,
    ticks_fired INTEGER DEFAULT '0' NOT NULL,
    ticks_missed INTEGER DEFAULT '0' NOT NULL,
    wait_p50_seconds DOUBLE PRECISION,
    wait_p95_seconds DOUBLE PRECISION,
    CONSTRAINT queue_history_pkey PRIMARY KEY (step_minutes, at),
    CONSTRAINT queue_history_step_minutes_check CHECK (step_minutes IN (1, 60))
);

CREATE TABLE budget_history (
    client_id TEXT NOT NULL,
    step_minutes SMALLINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    minutes SMALLINT DEFAULT '1' NOT NULL,
    requests_user INTEGER DEFAULT '0' NOT NULL,
    requests_schedule INTEGER DEFAULT '0' NOT NULL,
    requests_discovery INTEGER DEFAULT '0' NOT NULL,
    requests_stale INTEGER DEFAULT '0' NOT NULL,
    requests_upkeep INTEGER DEFAULT '0' NOT NULL,
    throttled INTEGER DEFAULT '0' NOT NULL,
    failures INTEGER DEFAULT '0' NOT NULL,
    others INTEGER DEFAULT '0' NOT NULL,
    rate_limited_minutes INTEGER DEFAULT '0' NOT NULL,
    outage_minutes INTEGER DEFAULT '0' NOT NULL,
    refused_minutes INTEGER DEFAULT '0' NOT NULL,
    usable DOUBLE PRECISION,
    remaining DOUBLE PRECISION,
    window_started_at TIMESTAMP WITH TIME ZONE,
    others_in_window INTEGER,
    CONSTRAINT budget_history_pkey PRIMARY KEY (client_id, step_minutes, at),
    CONSTRAINT budget_history_step_minutes_check CHECK (step_minutes IN (1, 60))
);
CREATE INDEX budget_history_at_idx ON budget_history (step_minutes, at);
"""

DOWNGRADE = """
DROP TABLE budget_history;
DROP TABLE queue_history;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
