"""Keep the last end of a wait for Reddit, so that a sweep frees a job deferred after it."""

from __future__ import annotations

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None
runs_code_from = "0011"  # with earlier code the job waits for up to 60 seconds


def upgrade() -> None:
    op.execute("ALTER TABLE reddit_budgets ADD COLUMN waits_ended_at TIMESTAMP WITH TIME ZONE")


def downgrade() -> None:
    op.execute("ALTER TABLE reddit_budgets DROP COLUMN waits_ended_at")
