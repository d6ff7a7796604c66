"""Let services end each other's frozen sessions when each has a role of its own."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

runs_code_from = "0011"

# The owner, whose rights it has, is a member of the services' roles: it sees their sessions and may
# end them, but nobody else's.
UPGRADE = """
CREATE FUNCTION end_frozen_sessions(silence interval)
RETURNS TABLE (application_name text, ended boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT application_name, pg_terminate_backend(pid) AS ended
    FROM pg_stat_activity
    WHERE datname = current_database() AND pg_has_role(usesysid, 'USAGE')
        AND pid <> pg_backend_pid() AND application_name ~ '^(crawljobs|admin-api)'
        AND state = 'active' AND wait_event = 'ClientRead' AND query NOT ILIKE 'COPY%'
        AND state_change < clock_timestamp() - silence
$$;

REVOKE EXECUTE ON FUNCTION end_frozen_sessions(interval) FROM PUBLIC
"""

DOWNGRADE = """
DROP FUNCTION end_frozen_sessions(interval)
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
