"""Record missing parts of crawls, gaps of listings, fetched trees, and how far back a walk went."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None
# Code that does not know these columns leaves them as they are: null is "never fetched", and what
# it does not record as missing is looked at again as before.
runs_code_from = "0011"

UPGRADE = """
ALTER TABLE posts
    ADD COLUMN edited BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN tree_fetched_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN comments_reported BIGINT,
    ADD COLUMN comments_stored BIGINT,
    ADD COLUMN comments_missing BIGINT;

ALTER TABLE comments ADD COLUMN edited BOOLEAN DEFAULT false NOT NULL;

ALTER TABLE crawl_jobs ADD COLUMN incomplete BOOLEAN DEFAULT false NOT NULL;

ALTER TABLE subreddits
    ADD COLUMN missing_parts INTEGER DEFAULT '0' NOT NULL,
    ADD COLUMN gaps INTEGER DEFAULT '0' NOT NULL,
    ADD COLUMN oldest_post TEXT,
    ADD COLUMN oldest_post_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN oldest_comment TEXT,
    ADD COLUMN oldest_comment_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN posts_walk_end TEXT,
    ADD COLUMN whole_walk_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN trees_whole INTEGER,
    ADD COLUMN trees_not_whole INTEGER;

CREATE TABLE missing_parts (
    subreddit_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    item TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    failures INTEGER DEFAULT '1' NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    next_look_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_to TEXT,
    CONSTRAINT missing_parts_pkey PRIMARY KEY (subreddit_id, kind, item),
    CONSTRAINT missing_parts_failures_check CHECK (failures > 0),
    CONSTRAINT missing_parts_subreddit_id_fkey FOREIGN KEY(subreddit_id) REFERENCES subreddits (id)
        ON DELETE CASCADE
);

CREATE TABLE crawl_gaps (
    subreddit_id BIGINT NOT NULL,
    listing TEXT NOT NULL,
    from_item TEXT NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE,
    to_item TEXT NOT NULL,
    to_at TIMESTAMP WITH TIME ZONE NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT crawl_gaps_pkey PRIMARY KEY (subreddit_id, listing, from_item),
    CONSTRAINT crawl_gaps_subreddit_id_fkey FOREIGN KEY(subreddit_id) REFERENCES subreddits (id)
        ON DELETE CASCADE
)
"""

DOWNGRADE = """
DROP TABLE crawl_gaps;
DROP TABLE missing_parts;

ALTER TABLE subreddits
    DROP COLUMN missing_parts,
    DROP COLUMN gaps,
    DROP COLUMN oldest_post,
    DROP COLUMN oldest_post_at,
    DROP COLUMN oldest_comment,
    DROP COLUMN oldest_comment_at,
    DROP COLUMN posts_walk_end,
    DROP COLUMN whole_walk_at,
    DROP COLUMN trees_whole,
    DROP COLUMN trees_not_whole;

ALTER TABLE crawl_jobs DROP COLUMN incomplete;

ALTER TABLE comments DROP COLUMN edited;

ALTER TABLE posts
    DROP COLUMN edited,
    DROP COLUMN tree_fetched_at,
    DROP COLUMN comments_reported,
    DROP COLUMN comments_stored,
    DROP COLUMN comments_missing
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
