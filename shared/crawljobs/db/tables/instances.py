"""The table of running processes."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from crawljobs.db.tables.columns import NOW, Timestamp, metadata, one_of

# A process and its last heartbeat. The API and the metrics read the rows. Crawls do not read them.
service_instances = Table(
    "service_instances",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", Timestamp, nullable=False, server_default=NOW),
    Column("seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("details", JSONB, nullable=False),
    # A random id of this run of the process. A process sends this id with its first heartbeat. If
    # the row has another id, the process was restarted. If the row has the same id, the process
    # repeats its first heartbeat.
    Column("run_id", UUID(as_uuid=True)),
    # The time when a process started and found the row of an earlier run under its name. A normal
    # end deletes the row, so the earlier run was killed.
    Column("lost_at", Timestamp),
    one_of("role", "admin-api", "crawler-worker", "scheduler", name="role"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name"),
    Index("service_instances_seen_at_idx", "seen_at"),
)
