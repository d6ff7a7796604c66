"""The table of the audit log."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import INET, JSONB

from crawljobs.db.tables.columns import NOW, Timestamp, TransactionId, id_column, metadata

# An administrative change or a refused request, with its actor. Rows never change. Services may not
# write `id`, `at`, `db_role` and `transaction_id`: defaults of the server set these columns. No
# trigger sets them, because a restore or a replica must keep the original values.
admin_audit_log = Table(
    "admin_audit_log",
    metadata,
    id_column(),
    Column("at", Timestamp, nullable=False, server_default=NOW),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("resource_type", Text, nullable=False),
    Column("resource_id", Text),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("request_id", Text),
    Column("peer_address", INET),
    Column("client_address", INET),
    # Null for the bootstrap token and for services, and in rows that an earlier release wrote.
    Column("token_id", Text),
    Column("db_role", Text, server_default=text("SESSION_USER")),
    Column("transaction_id", TransactionId, server_default=text("pg_current_xact_id()")),
    CheckConstraint("isfinite(at)", name="at"),
    # Limits the size of a row, because the API loads a page of rows into memory.
    CheckConstraint(
        "char_length(actor) <= 200 AND char_length(action) <= 100 "
        "AND char_length(resource_type) <= 100 "
        "AND coalesce(char_length(resource_id), 0) <= 200 "
        "AND coalesce(char_length(request_id), 0) <= 200 "
        "AND coalesce(char_length(token_id), 0) <= 100 "
        "AND coalesce(octet_length(before::text), 0) <= 65536 "
        "AND coalesce(octet_length(after::text), 0) <= 65536",
        name="sizes",
    ),
    Index("admin_audit_log_at_idx", "at", "id"),
    Index("admin_audit_log_resource_idx", "resource_type", "resource_id", "id"),
    # This index has no refused requests. So the changes of one resource are found quickly, even if
    # the resource has many refused requests.
    Index(
        "admin_audit_log_changes_idx",
        "resource_type",
        "resource_id",
        "id",
        postgresql_where=text("action <> 'refused'"),
    ),
    Index("admin_audit_log_actor_idx", "actor", "id"),
    Index("admin_audit_log_action_idx", "action", "id"),
    Index("admin_audit_log_request_id_idx", "request_id"),
)
