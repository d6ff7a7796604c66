"""The progress and the end of the operations that erase content."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from crawljobs.domain.actor import Actor
from crawljobs.domain.operation import BatchResult, Operation, OperationState
from crawljobs.repository.erasure.found_content import FoundContent
from crawljobs.repository.operations import operation_ends, operation_rows


@dataclass(frozen=True)
class Erasure:
    """The rows that a request found, and the operation that erases them, or None."""

    found: FoundContent
    operation: Operation | None = None


@dataclass(frozen=True)
class AdvancedErasure:
    """The result of one chunk. `ended` is the finished operation, or None if chunks are left."""

    operation: Operation
    rows: int
    ended: Operation | None


def audited(found: FoundContent, operation: Operation | None) -> dict[str, Any]:
    """Return the result of a request, for the audit log."""
    started = {} if operation is None else {"operation": operation.id}
    return {**asdict(found), **started}


def advanced(
    conn: Connection,
    operation: Operation,
    *,
    rows: int,
    position: int,
    pause: timedelta = timedelta(0),
    now: datetime | None = None,
) -> AdvancedErasure:
    """Store the progress of the operation. The next chunk is due after `pause`."""
    operation_rows.advance(
        conn,
        operation,
        done=rows,
        position=position,
        counts={BatchResult.ERASED: rows},
        jobs_changed=0,
        kept_jobs=(),
        pause=pause,
        now=now,
    )
    return AdvancedErasure(operation, rows, None)


def finished(
    conn: Connection,
    operation: Operation,
    *,
    actor: Actor,
    position: int,
    now: datetime | None = None,
) -> AdvancedErasure:
    """Finish the operation, and write its audit row."""
    advanced(conn, operation, rows=0, position=position, now=now)
    ended = operation_rows.finish(
        conn, operation_id=operation.id, state=OperationState.SUCCEEDED, now=now
    )
    operation_ends.audit(conn, ended, actor)
    return AdvancedErasure(operation, 0, ended)
