"""Replay the deliveries of an endpoint: a few in the request, many as an operation in chunks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from crawljobs.domain.actor import Actor
from crawljobs.domain.operation import (
    CHUNK,
    BatchResult,
    Operation,
    OperationKind,
    OperationState,
)
from crawljobs.repository.operations import operation_ends, operation_rows
from crawljobs.repository.webhooks import endpoint_rows
from crawljobs.repository.webhooks.replays import delivery_replay, replay_selection

RESOURCE = "webhook"  # the kind of resource in operations and in the audit log
KIND = OperationKind.REPLAY_WEBHOOK


@dataclass(frozen=True)
class ReplayRequest:
    """A request to replay the deliveries of events that are not older than `since`.

    If `only_failed` is true, only failed deliveries are replayed.
    """

    endpoint_id: int
    since: datetime
    only_failed: bool
    actor: Actor
    traceparent: str | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class Replay:
    """The number of deliveries that are replayed, at once or by the operation.

    `more`: there may be more deliveries, because the count is limited. The operation replays them
    too.
    """

    deliveries: int
    more: bool = False
    operation: Operation | None = None


@dataclass(frozen=True)
class AdvancedReplay:
    """The result of one chunk. `ended` is the finished operation, or None if chunks are left."""

    operation: Operation
    deliveries: int
    ended: Operation | None


def start(
    conn: Connection,
    request: ReplayRequest,
    *,
    at_most: int = CHUNK,
    now: datetime | None = None,
) -> Replay:
    """Replay at most `at_most` deliveries, or create an operation if there may be more.

    The caller has locked the endpoint. A dry run only counts the deliveries, and raises the same
    errors. Raises OperationInProgress.
    """
    operation_rows.check_none_open(conn, resource_type=RESOURCE, resource_id=request.endpoint_id)
    found = replay_selection.count(
        conn,
        endpoint_id=request.endpoint_id,
        since=request.since,
        only_failed=request.only_failed,
    )
    if request.dry_run:
        return Replay(found.deliveries, found.more)
    if found.more or found.deliveries > at_most:
        operation = operation_rows.create(
            conn,
            kind=KIND,
            resource_type=RESOURCE,
            resource_id=request.endpoint_id,
            total=found.deliveries,
            actor=request.actor,
            parameters={
                "since": request.since.isoformat(),
                "only_failed": request.only_failed,
                "until_id": found.newest_id,
            },
            traceparent=request.traceparent,
            now=now,
        )
        return Replay(found.deliveries, found.more, operation)
    chosen = replay_selection.newest(
        conn,
        endpoint_id=request.endpoint_id,
        since=request.since,
        only_failed=request.only_failed,
        at_most=at_most,
    )
    replayed = delivery_replay.replay_many(
        conn,
        endpoint_id=request.endpoint_id,
        delivery_ids=chosen,
        only_failed=request.only_failed,
        now=now,
    )
    return Replay(replayed)


def advance(
    conn: Connection,
    operation: Operation,
    *,
    actor: Actor,
    at_most: int = CHUNK,
    now: datetime | None = None,
) -> AdvancedReplay:
    """Replay the next deliveries of the operation's endpoint. The caller has locked the operation.

    Reads at most `at_most` deliveries. The deliveries and the new position of the operation commit
    together. The operation ends after the newest delivery that existed at the time of the request,
    or if the endpoint was deleted.
    """
    endpoint_id = operation.resource_id
    only_failed = bool(operation.parameters["only_failed"])
    replayed, position, more = 0, operation.position, False
    if endpoint_rows.get(conn, endpoint_id=endpoint_id) is not None:
        walked = replay_selection.walk(
            conn,
            endpoint_id=endpoint_id,
            since=datetime.fromisoformat(operation.parameters["since"]),
            only_failed=only_failed,
            after=operation.position,
            until=int(operation.parameters["until_id"]),
            at_most=at_most,
        )
        position, more = walked.position, walked.more
        replayed = delivery_replay.replay_many(
            conn,
            endpoint_id=endpoint_id,
            delivery_ids=walked.ids,
            only_failed=only_failed,
            now=now,
        )
    operation_rows.advance(
        conn,
        operation,
        done=replayed,
        position=position,
        counts={BatchResult.REPLAYED: replayed},
        jobs_changed=0,
        kept_jobs=(),
        now=now,
    )
    if more:
        return AdvancedReplay(operation, replayed, None)
    ended = operation_rows.finish(
        conn, operation_id=operation.id, state=OperationState.SUCCEEDED, now=now
    )
    operation_ends.audit(conn, ended, actor)
    return AdvancedReplay(operation, replayed, ended)
