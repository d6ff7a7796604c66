"""Index the attempts to deliver webhooks by their time, from which the history is written."""

from __future__ import annotations

from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None
runs_code_from = "0011"

INDEX = "webhook_attempts_started_at_idx"


def upgrade() -> None:
    # Outside a transaction, as CONCURRENTLY requires. An interrupted attempt leaves an invalid
    # index, which is dropped first.
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
        op.execute(f"CREATE INDEX CONCURRENTLY {INDEX} ON webhook_attempts (started_at)")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
