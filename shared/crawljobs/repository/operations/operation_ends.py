"""Record the end of an operation in the audit log, whether it succeeded or failed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from crawljobs.domain.actor import Actor
from crawljobs.domain.operation import Operation, OperationKind
from crawljobs.repository.operations import audit_log, operation_rows

# For each kind of operation, the name of the things that the operation counts. Kinds that are not
# in this list count steps.
_ROWS: dict[str, str] = {
    OperationKind.REPLAY_WEBHOOK: "deliveries",
    OperationKind.ERASE_AUTHOR: "rows",
    OperationKind.ERASE_SUBREDDIT: "rows",
}


def audit(conn: Connection, operation: Operation, actor: Actor) -> None:
    """Write the audit row of an ended operation, with its counts."""
    rows = _ROWS.get(operation.kind, "steps")
    audit_log.record(
        conn,
        actor=actor,
        action=f"operation_{operation.state}",
        resource_type=operation.resource_type,
        resource_id=operation.resource_id,
        after={
            "operation": operation.id,
            "kind": operation.kind,
            "requested_by": operation.created_by,
            "request_id": operation.request_id,
            rows: operation.done,
            "results": dict(operation.counts),
            "jobs_changed": operation.jobs_changed,
            "errors": operation.error_count,
        },
    )


def record_failure(
    conn: Connection,
    *,
    operation_id: int,
    error: str,
    actor: Actor,
    now: datetime | None = None,
) -> Operation | None:
    """Record that a chunk failed. Returns the operation if it failed for good, otherwise None."""
    failed = operation_rows.record_failure(conn, operation_id=operation_id, error=error, now=now)
    if failed is not None:
        audit(conn, failed, actor)
    return failed
