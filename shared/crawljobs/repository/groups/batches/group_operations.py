"""Run the next chunk of an operation, which is a large change of a group."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from crawljobs.domain.actor import Actor
from crawljobs.domain.operation import CHUNK, Operation, OperationKind, OperationState
from crawljobs.repository.groups import group_progress, resolver_hint
from crawljobs.repository.groups.batches.group_batches import CHANGES
from crawljobs.repository.groups.batches.step_batches import BatchRequest, Chunk
from crawljobs.repository.operations import audit_log, operation_rows


@dataclass(frozen=True)
class Advanced:
    """The result of one chunk. `ended` is the finished operation, or None if chunks are left."""

    operation: Operation
    chunk: Chunk
    ended: Operation | None


def take(conn: Connection, *, now: datetime | None = None) -> Operation | None:
    """Lock the next due operation until the transaction ends. Returns None if there is none."""
    return operation_rows.take(conn, kinds=CHANGES, now=now)


def advance(
    conn: Connection,
    operation: Operation,
    *,
    actor: Actor,
    at_most: int = CHUNK,
    now: datetime | None = None,
) -> Advanced:
    """Apply the operation, which the caller has locked, to the next `at_most` steps of its group.

    The changes and the new position of the operation commit together. So if a worker is killed,
    only its present chunk is rolled back, and the next worker repeats this chunk.
    """
    request = BatchRequest(
        operation.resource_id,
        operation.created_by,
        actor,
        points=int(operation.parameters.get("points", 0)),
        traceparent=operation.traceparent,
    )
    group_progress.lock(conn, [operation.resource_id])
    chunk = CHANGES[OperationKind(operation.kind)](
        conn, request, after=operation.position, at_most=at_most, now=now
    )
    resolver_hint.send(conn)
    operation_rows.advance(
        conn,
        operation,
        done=len(chunk.items),
        position=chunk.position,
        counts=chunk.counts,
        jobs_changed=len(chunk.jobs),
        kept_jobs=chunk.kept_jobs,
        now=now,
    )
    if chunk.more:
        return Advanced(operation, chunk, None)
    ended = operation_rows.finish(
        conn, operation_id=operation.id, state=OperationState.SUCCEEDED, now=now
    )
    _audit(conn, ended, actor)
    return Advanced(operation, chunk, ended)


def record_failure(
    conn: Connection,
    *,
    operation_id: int,
    error: str,
    actor: Actor,
    now: datetime | None = None,
) -> Operation | None:
    """Record that a chunk failed. Returns the operation if it failed for good."""
    failed = operation_rows.record_failure(conn, operation_id=operation_id, error=error, now=now)
    if failed is not None:
        _audit(conn, failed, actor)
    return failed


def _audit(conn: Connection, operation: Operation, actor: Actor) -> None:
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
            "steps": operation.done,
            "results": dict(operation.counts),
            "jobs_changed": operation.jobs_changed,
            "errors": operation.error_count,
        },
    )
