"""Runs operations: large changes that requests have started, in chunks of at most 1,000 rows."""

from __future__ import annotations

import threading

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.actor import Actor
from crawljobs.domain.job import JobStatus
from crawljobs.domain.operation import Operation, OperationKind
from crawljobs.repository.erasure import author_erasure, subreddit_erasure
from crawljobs.repository.erasure.erasure_operation import AdvancedErasure
from crawljobs.repository.groups.batches import group_batches, group_operations
from crawljobs.repository.groups.batches.group_operations import Advanced
from crawljobs.repository.operations import operation_ends, operation_rows
from crawljobs.repository.webhooks.replays import replay_operation
from crawljobs.repository.webhooks.replays.replay_operation import AdvancedReplay
from crawljobs.runtime import exception_text, logs, metrics

log = logs.get_logger(__name__)

# A worker looks for due operations at this interval.
EVERY_SECONDS = 2.0
ACTOR = Actor("system:crawler-worker")
KINDS = (
    *group_batches.CHANGES,
    OperationKind.REPLAY_WEBHOOK,
    OperationKind.ERASE_AUTHOR,
    OperationKind.ERASE_SUBREDDIT,
)


class OperationRunning:
    """Runs the due operations of all requests. Any number of workers may do so at the same time.

    Operations take turns: after each chunk, the operation that has waited longest is next.
    """

    def __init__(self, database: Database, stopping: threading.Event) -> None:
        self._database = database
        self._stopping = stopping

    def run(self) -> int:
        """Run chunks of operations until no operation is due. Returns the number of chunks.

        Raises DatabaseUnavailable.
        """
        chunks = 0
        while not self._stopping.is_set() and self._advance():
            chunks += 1
        return chunks

    def _advance(self) -> bool:
        taken: int | None = None

        def work(conn: Connection) -> Advanced | AdvancedReplay | AdvancedErasure | None:
            nonlocal taken
            operation = operation_rows.take(conn, kinds=KINDS)
            if operation is None:
                return None
            taken = operation.id
            if operation.kind == OperationKind.REPLAY_WEBHOOK:
                return replay_operation.advance(conn, operation, actor=ACTOR)
            if operation.kind == OperationKind.ERASE_AUTHOR:
                return author_erasure.advance(conn, operation, actor=ACTOR)
            if operation.kind == OperationKind.ERASE_SUBREDDIT:
                return subreddit_erasure.advance(conn, operation, actor=ACTOR)
            return group_operations.advance(conn, operation, actor=ACTOR)

        try:
            advanced = self._database.run(work)
        except errors.DatabaseUnavailable:
            raise
        except Exception as error:  # a failed operation must not stop the other operations
            if taken is None:
                raise
            self._record_failure(taken, error)
            return True
        if advanced is None:
            return False
        if isinstance(advanced, Advanced):
            _report_group(advanced)
            count = len(advanced.chunk.items)
        elif isinstance(advanced, AdvancedErasure):
            count = advanced.rows
        else:
            count = advanced.deliveries
        _report(advanced.operation, count, advanced.ended)
        return True

    def _record_failure(self, operation_id: int, error: Exception) -> None:
        log.exception("operation.chunk_failed", operation_id=operation_id)
        message = exception_text.text_of(error)
        failed = self._database.run(
            lambda conn: operation_ends.record_failure(
                conn, operation_id=operation_id, error=message, actor=ACTOR
            )
        )
        if failed is not None:
            log.error("operation.failed", operation_id=operation_id, kind=failed.kind)


def _report(operation: Operation, count: int, ended: Operation | None) -> None:
    """Log the committed chunk, which has handled `count` rows."""
    log.info("operation.advanced", operation_id=operation.id, kind=operation.kind, count=count)
    if ended is not None:
        log.info("operation.finished", operation_id=ended.id, kind=ended.kind, count=ended.done)


def _report_group(advanced: Advanced) -> None:
    """Count the jobs that a committed chunk cancelled, and log the groups that it finished."""
    cancelled = sum(
        change.after is not None and change.after.status is JobStatus.CANCELLED
        for change in advanced.chunk.jobs
    )
    metrics.jobs_finished.labels(JobStatus.CANCELLED).inc(cancelled)
    for group in advanced.chunk.finished:
        log.info(
            "group.finished",
            group_id=group.group_id,
            generation=group.generation,
            outcome=group.outcome.value,
        )
