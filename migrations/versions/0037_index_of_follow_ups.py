"""Index follow-up jobs by the job that they follow."""

from __future__ import annotations

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None
runs_code_from = "0011"

CREATE = """
CREATE INDEX CONCURRENTLY crawl_jobs_follow_up_of_idx ON crawl_jobs (follow_up_of)
    WHERE follow_up_of IS NOT NULL
"""
DROP = "DROP INDEX CONCURRENTLY IF EXISTS crawl_jobs_follow_up_of_idx"


def upgrade() -> None:
    # Outside a transaction, as CONCURRENTLY requires. An interrupted attempt leaves an invalid
    # index, which is dropped first.
    with op.get_context().autocommit_block():
        op.execute(DROP)
        op.execute(CREATE)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(DROP)
