"""Index posts by the author of the original post, so that the posts of an author are found."""

from __future__ import annotations

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None
runs_code_from = "0011"

CREATE = """
CREATE INDEX CONCURRENTLY posts_crosspost_author_id_idx ON posts (crosspost_author_id)
    WHERE crosspost_author_id IS NOT NULL
"""
DROP = "DROP INDEX CONCURRENTLY IF EXISTS posts_crosspost_author_id_idx"


# A build waits for the transactions that began before it. These waits block no statement of a
# service, so they may be longer than those for other locks.
LONG_WAIT = "SET lock_timeout = '600s'"
USUAL_WAIT = "SET lock_timeout = '3s'"


def upgrade() -> None:
    # Outside a transaction, as CONCURRENTLY requires. An interrupted attempt leaves an invalid
    # index, which is dropped first.
    with op.get_context().autocommit_block():
        op.execute(LONG_WAIT)
        op.execute(DROP)
        op.execute(CREATE)
        op.execute(USUAL_WAIT)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(DROP)
