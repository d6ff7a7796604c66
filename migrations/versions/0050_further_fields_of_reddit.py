"""Store further fields of Reddit, and when an unchanged post or comment was last seen."""

from __future__ import annotations

from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None
# Earlier code stores items without these columns, and leaves the columns of stored items as they
# are. A later crawl fills them.
runs_code_from = "0011"

UPGRADE = """
ALTER TABLE posts
    ADD COLUMN flair_template_id TEXT,
    ADD COLUMN author_flair TEXT,
    ADD COLUMN num_crossposts BIGINT,
    ADD COLUMN total_awards_received BIGINT,
    ADD COLUMN distinguished TEXT,
    ADD COLUMN post_hint TEXT,
    ADD COLUMN is_video BOOLEAN,
    ADD COLUMN is_gallery BOOLEAN,
    ADD COLUMN archived BOOLEAN,
    ADD COLUMN contest_mode BOOLEAN,
    ADD COLUMN quarantine BOOLEAN,
    ADD COLUMN score_hidden BOOLEAN,
    ADD COLUMN crosspost_author_id BIGINT
        CONSTRAINT posts_crosspost_author_id_fkey REFERENCES authors (id),
    ADD COLUMN crosspost_subreddit TEXT,
    ADD COLUMN extra JSONB,
    ADD COLUMN checked_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE comments
    ADD COLUMN author_flair TEXT,
    ADD COLUMN controversiality SMALLINT,
    ADD COLUMN total_awards_received BIGINT,
    ADD COLUMN distinguished TEXT,
    ADD COLUMN collapsed_reason_code TEXT,
    ADD COLUMN depth SMALLINT,
    ADD COLUMN locked BOOLEAN,
    ADD COLUMN archived BOOLEAN,
    ADD COLUMN score_hidden BOOLEAN,
    ADD COLUMN extra JSONB,
    ADD COLUMN checked_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE authors
    ADD COLUMN created_at_reddit TIMESTAMP WITH TIME ZONE,
    ADD COLUMN suspended BOOLEAN;

ALTER TABLE subreddits ADD COLUMN sidebar TEXT, ADD COLUMN language TEXT;
"""

DOWNGRADE = """
ALTER TABLE subreddits DROP COLUMN sidebar, DROP COLUMN language;
ALTER TABLE authors DROP COLUMN created_at_reddit, DROP COLUMN suspended;

ALTER TABLE comments
    DROP COLUMN author_flair,
    DROP COLUMN controversiality,
    DROP COLUMN total_awards_received,
    DROP COLUMN distinguished,
    DROP COLUMN collapsed_reason_code,
    DROP COLUMN depth,
    DROP COLUMN locked,
    DROP COLUMN archived,
    DROP COLUMN score_hidden,
    DROP COLUMN extra,
    DROP COLUMN checked_at;

ALTER TABLE posts
    DROP COLUMN flair_template_id,
    DROP COLUMN author_flair,
    DROP COLUMN num_crossposts,
    DROP COLUMN total_awards_received,
    DROP COLUMN distinguished,
    DROP COLUMN post_hint,
    DROP COLUMN is_video,
    DROP COLUMN is_gallery,
    DROP COLUMN archived,
    DROP COLUMN contest_mode,
    DROP COLUMN quarantine,
    DROP COLUMN score_hidden,
    DROP COLUMN crosspost_author_id,
    DROP COLUMN crosspost_subreddit,
    DROP COLUMN extra,
    DROP COLUMN checked_at;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
