"""Leave queued jobs out of the index of lists: the indexes that aging walks show them, too."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None
# Without the old indexes lists of queued jobs are slower in the old code, and as right as before.
runs_code_from = "0011"

NEW = {
    "crawl_jobs_at_ceiling_idx": """
(queued_at, id) WHERE status = 'queued' AND priority >= priority_ceiling
""",
    "crawl_jobs_queued_again_idx": """
(created_at, id) WHERE status = 'queued' AND queued_at > created_at
""",
    "crawl_jobs_listed_idx": """
(status, created_at, id) WHERE status <> 'crawling' AND status <> 'queued'
""",
}
OLD = {
    "crawl_jobs_aged_idx": """
(queued_at) WHERE status = 'queued' AND priority >= priority_ceiling
""",
    "crawl_jobs_resting_idx": """
(status, created_at, id) WHERE status <> 'crawling'
""",
}


def upgrade() -> None:
    _replace(OLD, NEW)


def downgrade() -> None:
    _replace(NEW, OLD)


def _replace(these: dict[str, str], by: dict[str, str]) -> None:
    # Beside running work, outside a transaction; what an attempt that was broken off left behind is
    # invalid and goes first.
    with op.get_context().autocommit_block():
        for name, definition in by.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON crawl_jobs {definition}")
        for name in these:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
