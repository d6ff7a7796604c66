"""Index content for keyset reads: by subreddit, and by the time of the last update."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0047"
down_revision = "0044"
branch_labels = None
depends_on = None
runs_code_from = "0011"

# Each new index begins with the columns of the old index that it replaces, so the statements of
# earlier code use it, too.
NEW = {
    "posts_subreddit_id_created_at_id_idx": "posts (subreddit_id, created_at, id)",
    "posts_updated_at_id_idx": "posts (updated_at, id)",
    "comments_subreddit_id_created_at_id_idx": "comments (subreddit_id, created_at, id)",
    "comments_updated_at_id_idx": "comments (updated_at, id)",
    "author_subreddits_subreddit_id_author_id_idx": "author_subreddits (subreddit_id, author_id)",
}
OLD = {
    "posts_subreddit_id_created_at_idx": "posts (subreddit_id, created_at)",
    "comments_subreddit_id_created_at_idx": "comments (subreddit_id, created_at)",
    "author_subreddits_subreddit_id_idx": "author_subreddits (subreddit_id)",
}
# A build waits for the transactions that began before it. These waits block no statement of a
# service, so they may be longer than those for other locks. A build that fails begins again.
LONG_WAIT = "SET lock_timeout = '600s'"
USUAL_WAIT = "SET lock_timeout = '3s'"
IS_VALID = text(
    "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(CAST(:name AS text))"
)


def upgrade() -> None:
    _replace(OLD, NEW)


def downgrade() -> None:
    _replace(NEW, OLD)


def _replace(these: dict[str, str], by: dict[str, str]) -> None:
    # Outside a transaction, as CONCURRENTLY requires. An interrupted build leaves an invalid
    # index, which is dropped first.
    with op.get_context().autocommit_block():
        op.execute(LONG_WAIT)
        for name, definition in by.items():
            if not _is_built(name):
                op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
                op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {definition}")
        for name in these:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(USUAL_WAIT)


def _is_built(name: str) -> bool:
    """Return whether an earlier, interrupted run of this revision has built the index."""
    if op.get_context().as_sql:
        return False
    return bool(op.get_bind().execute(IS_VALID, {"name": name}).scalar())
