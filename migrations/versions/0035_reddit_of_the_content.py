"""Keep the Reddit from which the content of the database was crawled."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None
runs_code_from = "0011"  # earlier code does not read the table, and may mix two Reddits as before

# The demo, compose and the local overlay use the client id `sandbox` for the sandbox. The Reddit of
# other client ids is unknown. A database with another client id may hold content of the real
# Reddit, even if a trial used the sandbox in it too. So the first worker that starts decides there.
UPGRADE = """
CREATE TABLE crawled_reddit (
    id SMALLINT DEFAULT '1' NOT NULL,
    is_real BOOLEAN NOT NULL,
    api_url TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT crawled_reddit_pkey PRIMARY KEY (id),
    CONSTRAINT crawled_reddit_id_check CHECK (id = 1),
    CONSTRAINT crawled_reddit_api_url_check CHECK (char_length(api_url) <= 500)
);

INSERT INTO crawled_reddit (is_real, api_url)
SELECT false, 'the sandbox'
WHERE EXISTS (SELECT FROM reddit_budgets WHERE client_id = 'sandbox')
    AND NOT EXISTS (SELECT FROM reddit_budgets WHERE client_id <> 'sandbox')
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("DROP TABLE crawled_reddit")
