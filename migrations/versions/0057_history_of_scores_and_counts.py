"""Keep former scores of posts, and former numbers of subscribers of subreddits."""

from __future__ import annotations

from alembic import op

revision = "0057"
down_revision = "0055"
branch_labels = None
depends_on = None
runs_code_from = "0011"

UPGRADE = """
CREATE TABLE post_scores (
    post_id TEXT NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    score BIGINT,
    num_comments BIGINT,
    CONSTRAINT post_scores_pkey PRIMARY KEY (post_id, seen_at)
);
CREATE INDEX post_scores_seen_at_idx ON post_scores (seen_at);

CREATE TABLE subreddit_counts (
    subreddit_id BIGINT NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    subscribers BIGINT,
    active BIGINT,
    CONSTRAINT subreddit_counts_pkey PRIMARY KEY (subreddit_id, seen_at),
    CONSTRAINT subreddit_counts_subreddit_id_fkey FOREIGN KEY(subreddit_id)
        REFERENCES subreddits (id) ON DELETE CASCADE
);
CREATE INDEX subreddit_counts_seen_at_idx ON subreddit_counts (seen_at);
"""

DOWNGRADE = """
DROP TABLE subreddit_counts;
DROP TABLE post_scores;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
