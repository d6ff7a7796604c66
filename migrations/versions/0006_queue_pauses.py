"""Create the pauses of the queue: of everything, or of one subreddit."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE queue_pauses (
    scope BIGINT NOT NULL,
    reason TEXT NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    paused_by TEXT NOT NULL,
    paused_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT queue_pauses_pkey PRIMARY KEY (scope),
    CONSTRAINT queue_pauses_scope_check CHECK (scope >= 0),
    CONSTRAINT queue_pauses_reason_check CHECK (char_length(reason) BETWEEN 1 AND 500)
)
"""

DOWNGRADE = """
DROP TABLE queue_pauses
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
