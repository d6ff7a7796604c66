"""Find the changes of a resource without the refused ones; validate the audit log's rows."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None
# Adds an index, and a constraint that earlier code fulfils.
runs_code_from = "0011"

INDEX = "admin_audit_log_changes_idx"
ON = "admin_audit_log (resource_type, resource_id, id) WHERE action <> 'refused'"

CONSTRAINTS = {
    "admin_audit_log_at_check": "isfinite(at)",
    "admin_audit_log_sizes_check": """
        char_length(actor) <= 200 AND char_length(action) <= 100
        AND char_length(resource_type) <= 100
        AND coalesce(char_length(resource_id), 0) <= 200
        AND coalesce(char_length(request_id), 0) <= 200
        AND coalesce(char_length(token_id), 0) <= 100
        AND coalesce(octet_length(before::text), 0) <= 65536
        AND coalesce(octet_length(after::text), 0) <= 65536""",
}

# An append-only table cannot be mended by deleting a forged row, so a forged row does not stop the
# upgrade: the constraint holds for new rows, and `migrations check` says that it is not valid.
VALIDATE = """
DO $$
BEGIN
    ALTER TABLE admin_audit_log VALIDATE CONSTRAINT {name};
EXCEPTION WHEN check_violation THEN
    RAISE WARNING 'a row of admin_audit_log violates {name}, so only new rows are checked';
END $$
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
        op.execute(f"CREATE INDEX CONCURRENTLY {INDEX} ON {ON}")
        for name in CONSTRAINTS:
            op.execute(VALIDATE.format(name=name))


def downgrade() -> None:
    for name, condition in CONSTRAINTS.items():
        op.execute(
            f"ALTER TABLE admin_audit_log DROP CONSTRAINT {name}, "
            f"ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID"
        )
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
