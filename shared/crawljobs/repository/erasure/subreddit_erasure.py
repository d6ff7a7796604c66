"""Erase the content of a subreddit: start the operation, and run its chunks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from sqlalchemy import Connection

from crawljobs.db.tables import comments, posts
from crawljobs.domain.actor import Actor
from crawljobs.domain.operation import CHUNK, Operation, OperationKind
from crawljobs.repository import index_order
from crawljobs.repository.erasure import (
    block_list,
    erasure_operation,
    found_content,
    subreddit_items,
    subreddit_traces,
)
from crawljobs.repository.erasure.erasure_operation import AdvancedErasure, Erasure
from crawljobs.repository.erasure.subreddit_items import Walked
from crawljobs.repository.operations import audit_log, operation_rows

RESOURCE = "subreddit"
# The position of the operation has the phase in its high bits, and a place in its low bits. The
# place is an author's id, or a time in microseconds since 1970, which fits until the year 2112.
_PLACE_BITS = 52


@dataclass(frozen=True)
class SubredditRequest:
    """A request to erase the content of a subreddit. A dry run only counts the rows."""

    subreddit_id: int
    actor: Actor
    traceparent: str | None = None
    dry_run: bool = False


class Phase(IntEnum):
    PAGES = 0  # wait for transactions that store pages
    EDGES = 1
    POSTS = 2
    COMMENTS = 3
    TRACES = 4


def start(conn: Connection, request: SubredditRequest, *, now: datetime | None = None) -> Erasure:
    """Create the operation that erases the present content. Returns the numbers of rows to erase.

    The caller has locked the subreddit. Raises OperationInProgress.
    """
    operation_rows.check_none_open(conn, resource_type=RESOURCE, resource_id=request.subreddit_id)
    found = found_content.of_subreddit(conn, subreddit_id=request.subreddit_id)
    if request.dry_run:
        return Erasure(found)
    operation = operation_rows.create(
        conn,
        kind=OperationKind.ERASE_SUBREDDIT,
        resource_type=RESOURCE,
        resource_id=request.subreddit_id,
        total=found.rows,
        actor=request.actor,
        parameters={},
        traceparent=request.traceparent,
        now=now,
    )
    audit_log.record(
        conn,
        actor=request.actor,
        action="erase",
        resource_type=RESOURCE,
        resource_id=request.subreddit_id,
        after=erasure_operation.audited(found, operation),
    )
    return Erasure(found, operation)


def advance(
    conn: Connection,
    operation: Operation,
    *,
    actor: Actor,
    at_most: int = CHUNK,
    now: datetime | None = None,
) -> AdvancedErasure:
    """Run the next chunk of the operation, which the caller has locked.

    The changes and the new position commit together.
    """
    phase = Phase(operation.position >> _PLACE_BITS)
    if phase is Phase.TRACES:
        subreddit_traces.delete_traces(conn, subreddit_id=operation.resource_id, now=now)
        return erasure_operation.finished(
            conn, operation, actor=actor, position=operation.position, now=now
        )
    walked = _walk(conn, operation, phase, at_most)
    if walked.place is None:
        position = (phase + 1) << _PLACE_BITS
    else:
        position = (phase << _PLACE_BITS) + walked.place
    return erasure_operation.advanced(
        conn, operation, rows=walked.deleted, position=position, now=now
    )


def _walk(conn: Connection, operation: Operation, phase: Phase, at_most: int) -> Walked:
    place = operation.position & ((1 << _PLACE_BITS) - 1)
    subreddit_id = operation.resource_id
    if phase is Phase.PAGES:
        block_list.wait_for_pages(conn)
        return Walked(0, None)
    index_order.follow(conn)
    if phase is Phase.EDGES:
        return subreddit_items.delete_edges(
            conn, subreddit_id=subreddit_id, after=place, at_most=at_most
        )
    return subreddit_items.delete_items(
        conn,
        posts if phase is Phase.POSTS else comments,
        subreddit_id=subreddit_id,
        stored_until=operation.created_at,
        place=place,
        at_most=at_most,
    )
