"""Create and read operations, take the next operation that is due, and store its progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, any_, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs import errors
from crawljobs.db.tables import operations
from crawljobs.domain.actor import Actor
from crawljobs.domain.operation import (
    ERRORS_MAX,
    KEPT_JOBS_MAX,
    TRIES_MAX,
    Operation,
    OperationState,
)
from crawljobs.repository.sql import NOW, inline, inline_number, interval, texts

ERROR_MAX = 500  # limit of a stored error in characters
PERSONAL = "erased_name"  # a parameter that is deleted when the operation ends

_row = operations.c
COLUMNS = [_row[name] for name in Operation.__dataclass_fields__]

_CREATE = (
    insert(operations)
    .from_select(
        [
            *("kind", "resource_type", "resource_id", "parameters", "created_by", "request_id"),
            *("traceparent", "total", "created_at", "changed_at", "next_run_at"),
        ],
        select(
            bindparam("kind", type_=Text),
            bindparam("resource_type", type_=Text),
            bindparam("resource_id", type_=BigInteger),
            bindparam("parameters", type_=JSONB),
            bindparam("created_by", type_=Text),
            bindparam("request_id", type_=Text),
            bindparam("traceparent", type_=Text),
            bindparam("total", type_=BigInteger),
            NOW,
            NOW,
            NOW,
        ),
    )
    .returning(*COLUMNS)
)

_GET = select(*COLUMNS).where(_row.id == bindparam("operation_id"))
_OPEN_OF = select(*COLUMNS).where(
    _row.resource_type == bindparam("of_type", type_=Text),
    _row.resource_id == bindparam("of_id", type_=BigInteger),
    _row.finished_at.is_(None),
)
_TAKE = (
    select(*COLUMNS)
    .where(
        _row.finished_at.is_(None),
        _row.next_run_at <= NOW,
        _row.kind == any_(texts("kinds")),
    )
    .order_by(_row.next_run_at, _row.id)
    .limit(inline_number(1))
    .with_for_update(skip_locked=True)
)
_LOCK = _GET.with_for_update()
_CHANGE = (
    update(operations)
    .where(_row.id == bindparam("operation_id"))
    .values(
        state=bindparam("new_state", type_=Text),
        changed_at=NOW,
        next_run_at=NOW + interval("pause"),
        done=bindparam("new_done"),
        position=bindparam("new_position"),
        counts=bindparam("new_counts", type_=JSONB),
        jobs_changed=bindparam("new_jobs"),
        kept_jobs=bindparam("new_kept", type_=JSONB),
        errors=bindparam("new_errors", type_=JSONB),
        error_count=bindparam("new_error_count"),
        failed_tries=bindparam("new_tries"),
    )
)
_FINISH = (
    update(operations)
    .where(_row.id == bindparam("operation_id"))
    .values(
        finished_at=NOW,
        state=bindparam("new_state", type_=Text),
        parameters=_row.parameters.op("-")(inline(PERSONAL)),
    )
    .returning(*COLUMNS)
)
_RUNNING = OperationState.RUNNING.value


class OperationInProgress(errors.CrawljobsError):
    """The resource has an unfinished operation, so the change is refused."""

    def __init__(self, operation_id: int) -> None:
        super().__init__(
            f"operation {operation_id} of this resource is not finished; wait for its end"
        )
        self.operation_id = operation_id


def create(
    conn: Connection,
    *,
    kind: str,
    resource_type: str,
    resource_id: int,
    total: int,
    actor: Actor,
    parameters: Mapping[str, Any],
    traceparent: str | None = None,
    now: datetime | None = None,
) -> Operation:
    """Create an operation. The caller has locked the resource and called `check_none_open`."""
    values = {
        "kind": kind,
        "resource_type": resource_type,
        "resource_id": resource_id,
        "parameters": dict(parameters),
        "created_by": actor.name,
        "request_id": actor.request_id,
        "traceparent": traceparent,
        "total": total,
        "now": now,
    }
    return to_operation(conn.execute(_CREATE, values).one())


def get(conn: Connection, *, operation_id: int) -> Operation | None:
    row = conn.execute(_GET, {"operation_id": operation_id}).first()
    return None if row is None else to_operation(row)


def open_of(conn: Connection, *, resource_type: str, resource_id: int) -> Operation | None:
    """Return the unfinished operation of the resource, or None. A resource has at most one."""
    values = {"of_type": resource_type, "of_id": resource_id}
    row = conn.execute(_OPEN_OF, values).first()
    return None if row is None else to_operation(row)


def check_none_open(conn: Connection, *, resource_type: str, resource_id: int) -> None:
    """Raise OperationInProgress if the resource has an unfinished operation."""
    found = open_of(conn, resource_type=resource_type, resource_id=resource_id)
    if found is not None:
        raise OperationInProgress(found.id)


def take(
    conn: Connection, *, kinds: Iterable[str], now: datetime | None = None
) -> Operation | None:
    """Lock and return the next due operation of these kinds, or None. Skips locked operations."""
    row = conn.execute(_TAKE, {"kinds": sorted(kinds), "now": now}).first()
    return None if row is None else to_operation(row)


def advance(
    conn: Connection,
    operation: Operation,
    *,
    done: int,
    position: int,
    counts: Mapping[str, int],
    jobs_changed: int,
    kept_jobs: Sequence[int],
    pause: timedelta = timedelta(0),
    now: datetime | None = None,
) -> None:
    """Add the results of a chunk to the operation, which the caller has locked.

    The next chunk is due after `pause`.
    """
    values = {
        **_as_it_is(operation),
        "pause": pause,
        "new_done": operation.done + done,
        "new_position": position,
        "new_counts": dict(Counter(operation.counts) + Counter(counts)),
        "new_jobs": operation.jobs_changed + jobs_changed,
        "new_kept": [*operation.kept_jobs, *kept_jobs][:KEPT_JOBS_MAX],
        "new_tries": 0,
        "now": now,
    }
    conn.execute(_CHANGE, values)


def finish(
    conn: Connection, *, operation_id: int, state: OperationState, now: datetime | None = None
) -> Operation:
    """End the operation, and return it."""
    values = {"operation_id": operation_id, "new_state": state.value, "now": now}
    return to_operation(conn.execute(_FINISH, values).one())


def record_failure(
    conn: Connection, *, operation_id: int, error: str, now: datetime | None = None
) -> Operation | None:
    """Record a failed try of a chunk of rows. After TRIES_MAX failed tries, the operation fails.

    Returns the operation if it failed for good, otherwise None.
    """
    row = conn.execute(_LOCK, {"operation_id": operation_id}).first()
    if row is None or row.finished_at is not None:
        return None
    operation = to_operation(row)
    tries = operation.failed_tries + 1
    values = {
        **_as_it_is(operation),
        "pause": timedelta(seconds=2.0**tries),
        "new_errors": [*operation.errors, error[:ERROR_MAX]][:ERRORS_MAX],
        "new_error_count": operation.error_count + 1,
        "new_tries": tries,
        "now": now,
    }
    conn.execute(_CHANGE, values)
    if tries < TRIES_MAX:
        return None
    return finish(conn, operation_id=operation_id, state=OperationState.FAILED, now=now)


def _as_it_is(operation: Operation) -> dict[str, Any]:
    return {
        "operation_id": operation.id,
        "new_state": _RUNNING,
        "pause": timedelta(0),
        "new_done": operation.done,
        "new_position": operation.position,
        "new_counts": dict(operation.counts),
        "new_jobs": operation.jobs_changed,
        "new_kept": list(operation.kept_jobs),
        "new_errors": list(operation.errors),
        "new_error_count": operation.error_count,
    }


def to_operation(row: Any) -> Operation:
    """Return the operation from a row that has at least the columns in COLUMNS."""
    values = {name: row._mapping[name] for name in Operation.__dataclass_fields__}
    return Operation(**{**values, "state": OperationState(row.state)})
