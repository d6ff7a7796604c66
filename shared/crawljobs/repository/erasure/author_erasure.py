"""Erase an author: start the operation, and run its chunks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from sqlalchemy import Connection

from crawljobs.domain import erased_name
from crawljobs.domain.actor import Actor
from crawljobs.domain.operation import CHUNK, Operation, OperationKind
from crawljobs.repository import index_order
from crawljobs.repository.erasure import (
    author_items,
    author_traces,
    block_list,
    erasure_operation,
    found_content,
)
from crawljobs.repository.erasure.erasure_operation import AdvancedErasure, Erasure
from crawljobs.repository.operations import audit_log, operation_rows

RESOURCE = "author"
# While running crawls name the author, the next chunk runs after this time.
PAUSE = timedelta(seconds=5)


@dataclass(frozen=True)
class AuthorRequest:
    """A request to erase an author. `key` is CONTENT_KEY. A dry run only counts the rows."""

    name: str
    key: bytes
    actor: Actor
    traceparent: str | None = None
    dry_run: bool = False


class Phase(IntEnum):
    """The next step of an erasure, which is stored as the position of the operation."""

    NAME = 0  # wait for transactions that store the author, then replace the name
    ITEMS = 1
    ACTIVITY = 2
    AUTHOR = 3


def start(conn: Connection, request: AuthorRequest, *, now: datetime | None = None) -> Erasure:
    """Put the author on the block list, and create the operation that erases the stored data.

    Returns the numbers of rows to erase. If the author is not stored, for example after an earlier
    erasure, no operation is created. Raises ContentKeyRequired and OperationInProgress.
    """
    name_hash = erased_name.name_hash(request.key, request.name)
    block_list.check_key(conn, key=request.key)
    author_id = block_list.find_author(conn, name=request.name, name_hash=name_hash)
    if not request.dry_run:
        block_list.add(conn, name=request.name, key=request.key, author_id=author_id)
        if author_id is None:
            author_id = _find_after_pages(conn, request, name_hash)
    found = found_content.FoundContent()
    operation = None
    if author_id is not None:
        operation_rows.check_none_open(conn, resource_type=RESOURCE, resource_id=author_id)
        found = found_content.of_author(conn, author_id=author_id)
    if request.dry_run:
        return Erasure(found)
    if author_id is not None:
        operation = operation_rows.create(
            conn,
            kind=OperationKind.ERASE_AUTHOR,
            resource_type=RESOURCE,
            resource_id=author_id,
            total=found.rows,
            actor=request.actor,
            parameters={operation_rows.PERSONAL: request.name},
            traceparent=request.traceparent,
            now=now,
        )
    audit_log.record(
        conn,
        actor=request.actor,
        action="erase",
        resource_type=RESOURCE,
        resource_id=name_hash.hex(),
        after=erasure_operation.audited(found, operation),
    )
    return Erasure(found, operation)


def _find_after_pages(conn: Connection, request: AuthorRequest, name_hash: bytes) -> int | None:
    """Return the id of an author whom a page stored at the same time as the request, or None.

    The function waits for the transactions of pages that read the block list before the author was
    added. Without the wait, such a page could store the author after the request found nothing to
    erase. If no operation replaces the name of the profile later, this function replaces the name.
    """
    block_list.wait_for_pages(conn)
    author_id = block_list.find_author(conn, name=request.name, name_hash=name_hash)
    if author_id is None:
        author_traces.rename_profile(conn, name=request.name)
    else:
        block_list.add(conn, name=request.name, key=request.key, author_id=author_id)
    return author_id


def advance(
    conn: Connection,
    operation: Operation,
    *,
    actor: Actor,
    at_most: int = CHUNK,
    now: datetime | None = None,
) -> AdvancedErasure:
    """Run the next chunk of the operation, which the caller has locked.

    The changes and the new position commit together. Each chunk finds the next rows by the author's
    id. Erased rows no longer have this id.
    """
    author_id, name = operation.resource_id, str(operation.parameters[operation_rows.PERSONAL])
    phase, rows, pause = Phase(operation.position), 0, timedelta(0)
    if phase is Phase.NAME:
        block_list.wait_for_pages(conn)
        author_traces.rename(conn, author_id=author_id)
        phase = Phase.ITEMS
    elif phase is Phase.ITEMS:
        index_order.follow(conn)
        rows = author_items.erase(conn, author_id=author_id, at_most=at_most)
        phase = Phase.ITEMS if rows else Phase.ACTIVITY
    elif phase is Phase.ACTIVITY:
        cleaned = author_traces.delete_activity(conn, author_id=author_id, name=name)
        rows = cleaned.edges
        pause = PAUSE if cleaned.waits else pause
        phase = Phase.ACTIVITY if rows or cleaned.waits else Phase.AUTHOR
    else:
        author_traces.delete_author(conn, author_id=author_id, name=name)
        block_list.finish(conn, author_id=author_id)
        return erasure_operation.finished(conn, operation, actor=actor, position=phase, now=now)
    return erasure_operation.advanced(
        conn, operation, rows=rows, position=phase, pause=pause, now=now
    )
