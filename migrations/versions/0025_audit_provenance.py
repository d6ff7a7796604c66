"""Let the server write who added an audit row and when; remember which token made a token."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None
# Earlier code writes the other columns only, and these get their defaults.
runs_code_from = "0011"

# A default is set after its column is added, so that earlier rows stay without a value. The
# constraints are validated by the next revision, which lets writers in meanwhile.
UPGRADE = """
ALTER TABLE admin_audit_log
    ADD COLUMN token_id TEXT,
    ADD COLUMN db_role TEXT,
    ADD COLUMN transaction_id XID8,
    ADD CONSTRAINT admin_audit_log_at_check CHECK (isfinite(at)) NOT VALID,
    ADD CONSTRAINT admin_audit_log_sizes_check CHECK (
        char_length(actor) <= 200 AND char_length(action) <= 100
        AND char_length(resource_type) <= 100
        AND coalesce(char_length(resource_id), 0) <= 200
        AND coalesce(char_length(request_id), 0) <= 200
        AND coalesce(char_length(token_id), 0) <= 100
        AND coalesce(octet_length(before::text), 0) <= 65536
        AND coalesce(octet_length(after::text), 0) <= 65536) NOT VALID;

ALTER TABLE admin_audit_log
    ALTER COLUMN db_role SET DEFAULT SESSION_USER,
    ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id();

-- Also in a session with session_replication_role = replica.
ALTER TABLE admin_audit_log ENABLE ALWAYS TRIGGER admin_audit_log_append_only;

-- Open to every role that has the right. `roles` adds what each service may write.
ALTER TABLE admin_audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY admin_audit_log_read ON admin_audit_log FOR SELECT USING (true);
CREATE POLICY admin_audit_log_add ON admin_audit_log FOR INSERT WITH CHECK (true);

ALTER TABLE api_tokens ADD COLUMN created_by_id TEXT;

CREATE INDEX api_tokens_name_key_idx
    ON api_tokens (lower(btrim(regexp_replace(name, ' +', ' ', 'g'))))
"""

DOWNGRADE = """
DROP INDEX api_tokens_name_key_idx;

ALTER TABLE api_tokens DROP COLUMN created_by_id;

DO $$
DECLARE
    policy name;
BEGIN
    FOR policy IN SELECT polname FROM pg_policy WHERE polrelid = 'admin_audit_log'::regclass LOOP
        EXECUTE format('DROP POLICY %I ON admin_audit_log', policy);
    END LOOP;
END $$;

ALTER TABLE admin_audit_log DISABLE ROW LEVEL SECURITY;

ALTER TABLE admin_audit_log ENABLE TRIGGER admin_audit_log_append_only;

ALTER TABLE admin_audit_log
    DROP CONSTRAINT admin_audit_log_sizes_check,
    DROP CONSTRAINT admin_audit_log_at_check,
    DROP COLUMN transaction_id,
    DROP COLUMN db_role,
    DROP COLUMN token_id
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
