"""Leave jobs that are crawled out of the index of lists, and live ones out of their subreddit's."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
# Without the old indexes some lists of the old code are slower, and as right as before.
runs_code_from = "0011"

# By the old name, the new one and its columns; the same columns without the condition before.
REPLACED = {
    ("crawl_jobs_status_idx", "crawl_jobs_resting_idx"): (
        "crawl_jobs (status, created_at, id)",
        "WHERE status <> 'crawling'",
    ),
    ("crawl_jobs_subreddit_id_idx", "crawl_jobs_subreddit_ended_idx"): (
        "crawl_jobs (subreddit_id, id)",
        "WHERE status IN ('succeeded', 'failed', 'cancelled')",
    ),
}


def upgrade() -> None:
    for (old, new), (columns, condition) in REPLACED.items():
        _replace(old, new, f"{columns} {condition}")


def downgrade() -> None:
    for (old, new), (columns, _) in REPLACED.items():
        _replace(new, old, columns)


def _replace(old: str, new: str, definition: str) -> None:
    # Beside running work, outside a transaction; what an attempt that was broken off left behind is
    # invalid and goes first.
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {new}")
        op.execute(f"CREATE INDEX CONCURRENTLY {new} ON {definition}")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {old}")
