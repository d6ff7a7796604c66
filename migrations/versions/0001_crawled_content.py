"""Create subreddits, their authors, posts and comments, and the edges between them."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE subreddits (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    reddit_id TEXT,
    title TEXT,
    description TEXT,
    subscribers BIGINT,
    over_18 BOOLEAN,
    created_at_reddit TIMESTAMP WITH TIME ZONE,
    access TEXT DEFAULT 'unknown' NOT NULL,
    access_checked_at TIMESTAMP WITH TIME ZONE,
    discovered_from BIGINT,
    depth SMALLINT DEFAULT '0' NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    last_crawled_at TIMESTAMP WITH TIME ZONE,
    next_crawl_at TIMESTAMP WITH TIME ZONE,
    high_water_post TEXT,
    high_water_comment TEXT,
    CONSTRAINT subreddits_pkey PRIMARY KEY (id),
    CONSTRAINT subreddits_name_check CHECK (name ~ '^[A-Za-z0-9_][A-Za-z0-9_.:-]{1,23}$'),
    CONSTRAINT subreddits_access_check CHECK (access IN ('unknown', 'public', 'restricted',
        'private', 'quarantined', 'gated', 'banned', 'not_found', 'redirected', 'suspended',
        'legal')),
    CONSTRAINT subreddits_discovered_from_fkey FOREIGN KEY(discovered_from) REFERENCES subreddits
        (id) ON DELETE SET NULL
);

CREATE INDEX subreddits_last_crawled_at_idx ON subreddits (last_crawled_at);

CREATE UNIQUE INDEX subreddits_name_key ON subreddits (lower(name));

CREATE TABLE authors (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    reddit_id TEXT,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    history_fetched_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT authors_pkey PRIMARY KEY (id)
);

CREATE UNIQUE INDEX authors_name_key ON authors (lower(name));

CREATE TABLE posts (
    id TEXT NOT NULL,
    subreddit_id BIGINT NOT NULL,
    author_id BIGINT,
    title TEXT,
    body TEXT,
    url TEXT,
    permalink TEXT,
    domain TEXT,
    flair TEXT,
    score BIGINT,
    upvote_ratio DOUBLE PRECISION,
    num_comments BIGINT,
    over_18 BOOLEAN DEFAULT false NOT NULL,
    spoiler BOOLEAN DEFAULT false NOT NULL,
    stickied BOOLEAN DEFAULT false NOT NULL,
    locked BOOLEAN DEFAULT false NOT NULL,
    is_self BOOLEAN DEFAULT false NOT NULL,
    crosspost_parent TEXT,
    removed_by_category TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    edited_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT posts_pkey PRIMARY KEY (id),
    CONSTRAINT posts_id_check CHECK (id ~ '^[0-9a-z]{1,13}$'),
    CONSTRAINT posts_subreddit_id_fkey FOREIGN KEY(subreddit_id) REFERENCES subreddits (id),
    CONSTRAINT posts_author_id_fkey FOREIGN KEY(author_id) REFERENCES authors (id)
);

CREATE INDEX posts_author_id_idx ON posts (author_id);

CREATE INDEX posts_subreddit_id_created_at_idx ON posts (subreddit_id, created_at);

CREATE TABLE comments (
    id TEXT NOT NULL,
    post_id TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    subreddit_id BIGINT NOT NULL,
    author_id BIGINT,
    body TEXT,
    score BIGINT,
    stickied BOOLEAN DEFAULT false NOT NULL,
    is_submitter BOOLEAN DEFAULT false NOT NULL,
    removed_by_category TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    edited_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT comments_pkey PRIMARY KEY (id),
    CONSTRAINT comments_id_check CHECK (id ~ '^[0-9a-z]{1,13}$'),
    CONSTRAINT comments_subreddit_id_fkey FOREIGN KEY(subreddit_id) REFERENCES subreddits (id),
    CONSTRAINT comments_author_id_fkey FOREIGN KEY(author_id) REFERENCES authors (id)
);

CREATE INDEX comments_author_id_idx ON comments (author_id);

CREATE INDEX comments_post_id_idx ON comments (post_id);

CREATE INDEX comments_subreddit_id_created_at_idx ON comments (subreddit_id, created_at);

CREATE TABLE author_subreddits (
    author_id BIGINT NOT NULL,
    subreddit_id BIGINT NOT NULL,
    posts INTEGER DEFAULT '0' NOT NULL,
    comments INTEGER DEFAULT '0' NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT author_subreddits_pkey PRIMARY KEY (author_id, subreddit_id),
    CONSTRAINT author_subreddits_counts_check CHECK (posts >= 0 AND comments >= 0),
    CONSTRAINT author_subreddits_author_id_fkey FOREIGN KEY(author_id) REFERENCES authors (id),
    CONSTRAINT author_subreddits_subreddit_id_fkey FOREIGN KEY(subreddit_id) REFERENCES subreddits
        (id)
);

CREATE INDEX author_subreddits_subreddit_id_idx ON author_subreddits (subreddit_id)
"""

DOWNGRADE = """
DROP TABLE author_subreddits;
DROP TABLE comments;
DROP TABLE posts;
DROP TABLE authors;
DROP TABLE subreddits
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
