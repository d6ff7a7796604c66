"""Keep why all workers pause, the turn of the probe, and outcomes that are not confirmed yet."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None
# Earlier code opens and closes the breaker without its reason, which then counts as an outage, and
# believes an outcome at once.
runs_code_from = "0011"

UPGRADE = """
ALTER TABLE reddit_budgets
    ADD COLUMN paused_reason TEXT,
    ADD COLUMN paused_detail TEXT,
    ADD COLUMN probing_until TIMESTAMP WITH TIME ZONE,
    ADD COLUMN probe_began_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN probe_good_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT reddit_budgets_paused_reason_check CHECK (
        paused_reason IN ('rate_limit', 'outage', 'client_refused', 'credentials_refused')),
    ADD CONSTRAINT reddit_budgets_paused_detail_check CHECK (char_length(paused_detail) <= 500);

ALTER TABLE subreddits
    ADD COLUMN access_unconfirmed TEXT,
    ADD COLUMN access_unconfirmed_looks SMALLINT DEFAULT '0' NOT NULL,
    ADD COLUMN access_unconfirmed_at TIMESTAMP WITH TIME ZONE
"""

DOWNGRADE = """
ALTER TABLE subreddits
    DROP COLUMN access_unconfirmed_at,
    DROP COLUMN access_unconfirmed_looks,
    DROP COLUMN access_unconfirmed;

ALTER TABLE reddit_budgets
    DROP COLUMN probe_good_at,
    DROP COLUMN probe_began_at,
    DROP COLUMN probing_until,
    DROP COLUMN paused_detail,
    DROP COLUMN paused_reason
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
