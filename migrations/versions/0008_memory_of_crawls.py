"""Give crawls a memory of politeness, refreshes, outages, evidence and the shared token."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE subreddits
    ADD COLUMN looks_in_vain SMALLINT DEFAULT '0' NOT NULL,
    ADD COLUMN gap_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN min_request_gap_seconds DOUBLE PRECISION,
    ADD COLUMN min_crawl_gap_seconds DOUBLE PRECISION,
    ADD CONSTRAINT subreddits_politeness_check CHECK (min_request_gap_seconds BETWEEN 0 AND 3600
        AND min_crawl_gap_seconds BETWEEN 0 AND 31622400);

CREATE INDEX subreddits_next_crawl_at_idx ON subreddits (next_crawl_at)
    WHERE next_crawl_at IS NOT NULL;

ALTER TABLE posts ADD COLUMN refresh_due_at TIMESTAMP WITH TIME ZONE;

CREATE INDEX posts_refresh_due_at_idx ON posts (refresh_due_at) WHERE refresh_due_at IS NOT NULL;

ALTER TABLE comments ADD COLUMN refresh_due_at TIMESTAMP WITH TIME ZONE;

CREATE INDEX comments_refresh_due_at_idx ON comments (refresh_due_at)
    WHERE refresh_due_at IS NOT NULL;

CREATE TABLE discovery_evidence (
    found_in BIGINT NOT NULL,
    name TEXT NOT NULL,
    mentions INTEGER DEFAULT '0' NOT NULL,
    crossposts INTEGER DEFAULT '0' NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT discovery_evidence_pkey PRIMARY KEY (found_in, name),
    CONSTRAINT discovery_evidence_counts_check CHECK (mentions >= 0 AND crossposts >= 0),
    CONSTRAINT discovery_evidence_name_check CHECK (name ~ '^[a-z0-9_]{2,21}$'),
    CONSTRAINT discovery_evidence_found_in_fkey FOREIGN KEY(found_in) REFERENCES subreddits (id)
        ON DELETE CASCADE
);

CREATE INDEX discovery_evidence_last_at_idx ON discovery_evidence (last_at);

CREATE TABLE discovery_roots (
    subreddit_id BIGINT NOT NULL,
    requests INTEGER DEFAULT '0' NOT NULL,
    since TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT discovery_roots_pkey PRIMARY KEY (subreddit_id),
    CONSTRAINT discovery_roots_subreddit_id_fkey FOREIGN KEY(subreddit_id) REFERENCES subreddits
        (id) ON DELETE CASCADE
);

ALTER TABLE reddit_budgets
    ADD COLUMN recent_failures INTEGER DEFAULT '0' NOT NULL,
    ADD COLUMN outage_until TIMESTAMP WITH TIME ZONE,
    ADD COLUMN outages_in_a_row SMALLINT DEFAULT '0' NOT NULL,
    ADD CONSTRAINT reddit_budgets_recent_failures_check
        CHECK (recent_failures BETWEEN 0 AND 1048575);

CREATE TABLE reddit_tokens (
    client_id TEXT NOT NULL,
    access_token TEXT,
    expires_at TIMESTAMP WITH TIME ZONE,
    refreshing_until TIMESTAMP WITH TIME ZONE,
    ask_again_at TIMESTAMP WITH TIME ZONE,
    throttles_in_a_row SMALLINT DEFAULT '0' NOT NULL,
    CONSTRAINT reddit_tokens_pkey PRIMARY KEY (client_id),
    CONSTRAINT reddit_tokens_token_expires_check
        CHECK ((access_token IS NULL) = (expires_at IS NULL))
)
"""

DOWNGRADE = """
DROP TABLE reddit_tokens;

ALTER TABLE reddit_budgets
    DROP COLUMN recent_failures,
    DROP COLUMN outage_until,
    DROP COLUMN outages_in_a_row;

DROP TABLE discovery_roots;
DROP TABLE discovery_evidence;

ALTER TABLE comments DROP COLUMN refresh_due_at;

ALTER TABLE posts DROP COLUMN refresh_due_at;

DROP INDEX subreddits_next_crawl_at_idx;

ALTER TABLE subreddits
    DROP COLUMN looks_in_vain,
    DROP COLUMN gap_at,
    DROP COLUMN min_request_gap_seconds,
    DROP COLUMN min_crawl_gap_seconds
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
