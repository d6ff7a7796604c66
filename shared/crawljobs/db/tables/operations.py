"""The table of operations, which are large changes that workers make in chunks."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs.db.tables.columns import NOW, Timestamp, id_column, metadata, one_of

# A requested change of many rows. Workers make the change in chunks. `kind` has no CHECK, so that
# an operation of a later release waits for a worker of that release.
operations = Table(
    "operations",
    metadata,
    id_column(),
    Column("kind", Text, nullable=False),
    Column("resource_type", Text, nullable=False),
    Column("resource_id", BigInteger, nullable=False),
    Column("parameters", JSONB, nullable=False, server_default=text("'{}'")),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("created_at", Timestamp, nullable=False, server_default=NOW),
    Column("created_by", Text, nullable=False),  # the name of the requester's API token
    Column("request_id", Text),
    Column("traceparent", Text),  # W3C trace context of the request
    Column("changed_at", Timestamp, nullable=False, server_default=NOW),
    Column("finished_at", Timestamp),
    # Workers change the next chunk of rows at or after this time. The operation with the earliest
    # time comes first.
    Column("next_run_at", Timestamp, nullable=False, server_default=NOW),
    Column("total", Integer, nullable=False),  # number of rows, counted by the request
    Column("done", Integer, nullable=False, server_default="0"),
    Column("position", BigInteger, nullable=False, server_default="0"),  # last processed row's id
    # Maps each BatchResult to the number of rows with this result.
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("jobs_changed", Integer, nullable=False, server_default="0"),
    # The ids of jobs that were not cancelled, because other requests share these jobs. At most
    # KEPT_JOBS_MAX ids are stored.
    Column("kept_jobs", JSONB, nullable=False, server_default=text("'[]'")),
    Column("errors", JSONB, nullable=False, server_default=text("'[]'")),  # the earliest errors
    Column("error_count", Integer, nullable=False, server_default="0"),
    # The number of failed tries of a chunk since the last chunk that succeeded.
    Column("failed_tries", SmallInteger, nullable=False, server_default="0"),
    one_of("state", "pending", "running", "succeeded", "failed", name="state"),
    CheckConstraint(
        "(finished_at IS NULL) = (state IN ('pending', 'running'))", name="finished_has_end"
    ),
    CheckConstraint(
        "total >= 0 AND done >= 0 AND jobs_changed >= 0 AND error_count >= 0 AND failed_tries >= 0",
        name="counts",
    ),
    Index("operations_due_idx", "next_run_at", "id", postgresql_where=text("finished_at IS NULL")),
    # A resource has at most one unfinished operation.
    Index(
        "operations_open_key",
        "resource_type",
        "resource_id",
        unique=True,
        postgresql_where=text("finished_at IS NULL"),
    ),
    Index(
        "operations_finished_idx",
        "finished_at",
        "id",
        postgresql_where=text("finished_at IS NOT NULL"),
    ),
)
