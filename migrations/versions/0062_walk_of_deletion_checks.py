"""Remember the position of the walk that finds deletions at Reddit."""

from __future__ import annotations

from alembic import op

revision = "0062"
down_revision = "0060"
branch_labels = None
depends_on = None
runs_code_from = "0011"

UPGRADE = """
CREATE TABLE deletion_walk (
    id SMALLINT DEFAULT 1 NOT NULL,
    unchecked_since TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    item_table TEXT DEFAULT 'posts' NOT NULL,
    subreddit_id BIGINT DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT 'epoch' NOT NULL,
    item_id TEXT DEFAULT '' NOT NULL,
    check_days SMALLINT,
    budget_share DOUBLE PRECISION,
    CONSTRAINT deletion_walk_pkey PRIMARY KEY (id),
    CONSTRAINT deletion_walk_id_check CHECK (id = 1),
    CONSTRAINT deletion_walk_item_table_check CHECK (item_table IN ('posts', 'comments'))
)
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("DROP TABLE deletion_walk")
