"""Return when the oldest transaction that has written a row began, for exports of changes."""

from __future__ import annotations

from alembic import op

revision = "0066"
down_revision = "0064"
branch_labels = None
depends_on = None
runs_code_from = "0011"

UPGRADE = """
CREATE FUNCTION oldest_change_start() RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT min(since) FROM (
        SELECT xact_start FROM pg_stat_activity
        WHERE datname = current_database() AND backend_xid IS NOT NULL
            AND pid <> pg_backend_pid()
        UNION ALL
        SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()
    ) AS writing (since)
$$;
REVOKE EXECUTE ON FUNCTION oldest_change_start() FROM PUBLIC
"""
DOWNGRADE = "DROP FUNCTION oldest_change_start()"


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
