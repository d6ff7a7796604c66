"""Create the indexes that lists of jobs and of the audit log walk."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
runs_code_from = "0009"

INDEXES = {
    "crawl_jobs_status_idx": "crawl_jobs (status, created_at, id)",
    "crawl_jobs_ended_idx": (
        "crawl_jobs (status, finished_at, id) WHERE status IN ('succeeded', 'failed', 'cancelled')"
    ),
    "admin_audit_log_actor_idx": "admin_audit_log (actor, id)",
    "admin_audit_log_action_idx": "admin_audit_log (action, id)",
    "admin_audit_log_request_id_idx": "admin_audit_log (request_id)",
}


def upgrade() -> None:
    # Each is made beside running work, outside a transaction; what an attempt that was broken off
    # left behind is invalid and goes first.
    with op.get_context().autocommit_block():
        for name, columns in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {columns}")


def downgrade() -> None:
    for name in INDEXES:
        op.execute(f"DROP INDEX IF EXISTS {name}")
