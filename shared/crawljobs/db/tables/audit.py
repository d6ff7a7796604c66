"""The audit log."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Index,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import INET, JSONB

from crawljobs.db.tables.columns import NOW, Timestamp, id_column, metadata

# One administrative change, or a refused one, and who made it. Append-only.
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
    Index("admin_audit_log_at_idx", "at", "id"),
    Index("admin_audit_log_resource_idx", "resource_type", "resource_id", "id"),
    Index("admin_audit_log_actor_idx", "actor", "id"),
    Index("admin_audit_log_action_idx", "action", "id"),
    Index("admin_audit_log_request_id_idx", "request_id"),
)
