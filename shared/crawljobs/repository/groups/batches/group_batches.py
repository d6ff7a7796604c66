"""Start a change of a group: a small change at once, a large change as an operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, bindparam, select

from crawljobs import errors
from crawljobs.db.tables import job_groups
from crawljobs.domain.group import OPEN, StepState
from crawljobs.domain.operation import CHUNK, Operation, OperationKind
from crawljobs.repository.groups import group_progress, group_reads, resolver_hint
from crawljobs.repository.groups.batches import (
    group_boost,
    group_cancel,
    group_removal,
    group_retry,
)
from crawljobs.repository.groups.batches.step_batches import BatchRequest, Chunk
from crawljobs.repository.operations import audit_log, operation_rows

GROUP = group_reads.RESOURCE

CHANGES: Mapping[OperationKind, Callable[..., Chunk]] = {
    OperationKind.CANCEL_GROUP: group_cancel.cancel_steps,
    OperationKind.RETRY_FAILED: group_retry.retry_steps,
    OperationKind.BOOST_GROUP: group_boost.boost_steps,
    OperationKind.DELETE_GROUP: group_removal.delete_steps,
}
# The states of the steps that each change concerns.
_STATES: Mapping[OperationKind, frozenset[StepState]] = {
    OperationKind.CANCEL_GROUP: OPEN,
    OperationKind.RETRY_FAILED: frozenset({StepState.FAILED}),
    OperationKind.BOOST_GROUP: OPEN,
}
# The name of each change in the column `action` of the audit log.
ACTIONS: Mapping[OperationKind, str] = {
    OperationKind.CANCEL_GROUP: "cancel",
    OperationKind.RETRY_FAILED: "retry_failed",
    OperationKind.BOOST_GROUP: "boost",
}

_READ = select(job_groups.c.finished_at, *(job_groups.c[state.value] for state in StepState)).where(
    job_groups.c.id == bindparam("group_id", type_=BigInteger)
)


class GroupFinished(errors.CrawljobsError):
    """The group has finished, so it has no open step that the change could concern."""


@dataclass(frozen=True)
class Batch:
    """The response to a change of many steps of a group. `steps` is the number of these steps.

    - `chunk`: the results of a change that was made at once.
    - `operation`: the operation that will make a large change. Then `chunk` is None.
    - `detail`: if the change concerns no step, the reason.
    """

    steps: int
    chunk: Chunk | None = None
    operation: Operation | None = None
    detail: str = ""


def start(
    conn: Connection,
    kind: OperationKind,
    request: BatchRequest,
    *,
    at_most: int = CHUNK,
    now: datetime | None = None,
) -> Batch:
    """Make a change, or create an operation if the change concerns more than `at_most` steps.

    A dry run returns the results for the first `at_most` steps. Raises NotFound, GroupFinished or
    OperationInProgress.
    """
    group_id = request.group_id
    group_progress.lock(conn, [group_id])
    row = conn.execute(_READ, {"group_id": group_id}).first()
    if row is None:
        raise errors.NotFound(f"there is no group {group_id}")
    operation_rows.check_none_open(conn, resource_type=GROUP, resource_id=group_id)
    if row.finished_at is not None and kind is not OperationKind.RETRY_FAILED:
        raise GroupFinished(f"group {group_id} has finished; only a retry opens it again")
    before = {state.value: row._mapping[state.value] for state in StepState}
    steps = sum(before[state] for state in _STATES[kind])
    marked = False
    if kind is OperationKind.CANCEL_GROUP and not request.dry_run:
        marked = group_cancel.mark(conn, request, now=now)
    if steps <= at_most or request.dry_run:
        chunk = CHANGES[kind](conn, request, after=0, at_most=at_most, now=now)
        if not request.dry_run and (steps or marked):
            resolver_hint.send(conn)
            _audit(conn, kind, request, before, {"steps": steps, "results": chunk.counts})
        return Batch(steps, chunk, detail="" if steps else _without_steps(kind, before))
    operation = _operation(conn, kind, request, steps, now)
    _audit(conn, kind, request, before, {"steps": steps, "operation": operation.id})
    return Batch(steps, operation=operation)


def _without_steps(kind: OperationKind, counts: Mapping[str, int]) -> str:
    """Return a message for a change that concerns no step: the reason, and what to do instead."""
    if kind is not OperationKind.RETRY_FAILED:
        return "The group has no open step."
    ended = [
        f"{counts[state]} {state}"
        for state in (StepState.CANCELLED, StepState.SKIPPED)
        if counts[state]
    ]
    if not ended:
        return "The group has no failed step."
    verb = "stays" if ended in (["1 cancelled"], ["1 skipped"]) else "stay"
    noun = "step" if verb == "stays" else "steps"
    return (
        f"The group has no failed step. Its {' and '.join(ended)} {noun} {verb}. To crawl them, "
        "create a copy of the group with `clone`."
    )


def start_deletion(
    conn: Connection, request: BatchRequest, *, steps: int, now: datetime | None = None
) -> Operation:
    """Create the operation that deletes a finished group. The caller has locked the group.

    The caller writes the audit row. Raises OperationInProgress.
    """
    operation_rows.check_none_open(conn, resource_type=GROUP, resource_id=request.group_id)
    return _operation(conn, OperationKind.DELETE_GROUP, request, steps, now)


def _operation(
    conn: Connection,
    kind: OperationKind,
    request: BatchRequest,
    steps: int,
    now: datetime | None,
) -> Operation:
    return operation_rows.create(
        conn,
        kind=kind,
        resource_type=GROUP,
        resource_id=request.group_id,
        total=steps,
        actor=request.actor,
        parameters={"points": request.points} if kind is OperationKind.BOOST_GROUP else {},
        traceparent=request.traceparent,
        now=now,
    )


def _audit(
    conn: Connection,
    kind: OperationKind,
    request: BatchRequest,
    before: Mapping[str, int],
    after: Mapping[str, object],
) -> None:
    boost = {"boost": request.points} if kind is OperationKind.BOOST_GROUP else {}
    audit_log.record(
        conn,
        actor=request.actor,
        action=ACTIONS[kind],
        resource_type=GROUP,
        resource_id=request.group_id,
        before={"counts": before},
        after={**boost, **after},
    )
