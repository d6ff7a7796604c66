"""Remember up to which time of creation the content of a subreddit was erased."""

from __future__ import annotations

from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None
runs_code_from = "0011"


def upgrade() -> None:
    op.execute("ALTER TABLE subreddits ADD COLUMN content_erased_before TIMESTAMP WITH TIME ZONE")


def downgrade() -> None:
    op.execute("ALTER TABLE subreddits DROP COLUMN content_erased_before")
