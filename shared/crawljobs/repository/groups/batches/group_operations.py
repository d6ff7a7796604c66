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
from crawljobs.repository.operations import operation_ends, operation_rows


@dataclass(frozen=True)
class Advanced:
    """The result of one chunk. `ended` is the finished operation, or None if chunks are left."""

    operation: Operation
    chunk: Chunk
    ended: Operation | None


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
    operation_ends.audit(conn, ended, actor)
    return Advanced(operation, chunk, ended)
