"""Create what workers share beside the queue: Reddit's budget, and when long tasks last ran."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE maintenance_runs (
    task TEXT NOT NULL,
    last_run_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT maintenance_runs_pkey PRIMARY KEY (task)
);

CREATE TABLE reddit_budgets (
    client_id TEXT NOT NULL,
    next_slot_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    window_started_at TIMESTAMP WITH TIME ZONE,
    reserved INTEGER DEFAULT '0' NOT NULL,
    requests_per_window INTEGER DEFAULT '1000' NOT NULL,
    window_seconds INTEGER DEFAULT '600' NOT NULL,
    paused_until TIMESTAMP WITH TIME ZONE,
    throttles_in_a_row SMALLINT DEFAULT '0' NOT NULL,
    last_throttled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT reddit_budgets_pkey PRIMARY KEY (client_id),
    CONSTRAINT reddit_budgets_window_check CHECK (requests_per_window > 0 AND window_seconds > 0)
) WITH (
    fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 200
)
"""

DOWNGRADE = """
DROP TABLE reddit_budgets;
DROP TABLE maintenance_runs
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
