"""Store the links between subreddits with shared authors, and their communities."""

from __future__ import annotations

from alembic import op

revision = "0049"
down_revision = "0047"
branch_labels = None
depends_on = None
# Earlier code does not know the tables, so its crawls do not make links due.
runs_code_from = "0011"

UPGRADE = """
CREATE TABLE map_nodes (
    subreddit_id BIGINT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    crawled_at TIMESTAMP WITH TIME ZONE,
    links_at TIMESTAMP WITH TIME ZONE,
    author_count BIGINT DEFAULT '0' NOT NULL,
    counted_at TIMESTAMP WITH TIME ZONE,
    community_id BIGINT,
    CONSTRAINT map_nodes_pkey PRIMARY KEY (subreddit_id),
    CONSTRAINT map_nodes_author_count_check CHECK (author_count >= 0),
    CONSTRAINT map_nodes_subreddit_id_fkey FOREIGN KEY (subreddit_id)
        REFERENCES subreddits (id) ON DELETE CASCADE,
    CONSTRAINT map_nodes_community_id_fkey FOREIGN KEY (community_id)
        REFERENCES subreddits (id) ON DELETE SET NULL
);
CREATE INDEX map_nodes_due_at_idx ON map_nodes (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX map_nodes_links_at_idx ON map_nodes (links_at) WHERE links_at IS NOT NULL;
CREATE INDEX map_nodes_community_id_idx ON map_nodes (community_id)
    WHERE community_id IS NOT NULL;

CREATE TABLE subreddit_links (
    a_id BIGINT NOT NULL,
    b_id BIGINT NOT NULL,
    shared_authors INTEGER NOT NULL,
    weight DOUBLE PRECISION NOT NULL,
    is_top_of_a BOOLEAN NOT NULL,
    is_top_of_b BOOLEAN NOT NULL,
    computed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT subreddit_links_pkey PRIMARY KEY (a_id, b_id),
    CONSTRAINT subreddit_links_order_check CHECK (a_id < b_id),
    CONSTRAINT subreddit_links_top_check CHECK (is_top_of_a OR is_top_of_b),
    CONSTRAINT subreddit_links_weight_check
        CHECK (weight > 0 AND weight <= 1 AND shared_authors > 0),
    CONSTRAINT subreddit_links_a_id_fkey FOREIGN KEY (a_id)
        REFERENCES subreddits (id) ON DELETE CASCADE,
    CONSTRAINT subreddit_links_b_id_fkey FOREIGN KEY (b_id)
        REFERENCES subreddits (id) ON DELETE CASCADE
);
CREATE INDEX subreddit_links_a_id_idx ON subreddit_links (a_id, weight);
CREATE INDEX subreddit_links_b_id_idx ON subreddit_links (b_id, weight);
CREATE INDEX subreddit_links_weight_idx ON subreddit_links (weight);

-- The links of all crawled subreddits are due.
INSERT INTO map_nodes (subreddit_id, due_at)
SELECT id, clock_timestamp() FROM subreddits WHERE last_crawled_at IS NOT NULL ORDER BY id;
"""
DOWNGRADE = "DROP TABLE subreddit_links, map_nodes"


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
