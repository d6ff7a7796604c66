"""Store the id of the subreddit in the event of a job, so that the end of a job needs no name."""

from __future__ import annotations

from alembic import op

revision = "0055"
down_revision = "0052"
branch_labels = None
depends_on = None
# Earlier code writes the name of the subreddit into each event, and this code accepts both.
runs_code_from = "0011"

UPGRADE = "ALTER TABLE webhook_events ADD COLUMN subreddit_id BIGINT"
DOWNGRADE = """
UPDATE webhook_events AS event SET subreddit = subreddit.name
FROM subreddits AS subreddit
WHERE event.subreddit IS NULL AND subreddit.id = event.subreddit_id;

ALTER TABLE webhook_events DROP COLUMN subreddit_id
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
