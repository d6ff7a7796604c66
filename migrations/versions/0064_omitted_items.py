"""Count the replies of Reddit that leave out a stored item."""

from __future__ import annotations

from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None
runs_code_from = "0011"

UPGRADE = """
CREATE TABLE omitted_items (
    name TEXT NOT NULL,
    subreddit_id BIGINT NOT NULL,
    omissions SMALLINT NOT NULL,
    counted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    next_look_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT omitted_items_pkey PRIMARY KEY (name),
    CONSTRAINT omitted_items_subreddit_id_fkey FOREIGN KEY (subreddit_id)
        REFERENCES subreddits (id) ON DELETE CASCADE,
    CONSTRAINT omitted_items_name_check CHECK (name ~ '^t[13]_[0-9a-z]{1,13}$'),
    CONSTRAINT omitted_items_omissions_check CHECK (omissions > 0)
);
CREATE INDEX omitted_items_next_look_at_idx ON omitted_items (next_look_at);
CREATE INDEX omitted_items_subreddit_id_next_look_at_idx
    ON omitted_items (subreddit_id, next_look_at)
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("DROP TABLE omitted_items")
