"""List operations that match filters, page by page, the newest operation first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    select,
    true,
)

from crawljobs.db.tables import operations
from crawljobs.domain.operation import Operation, OperationKind, OperationState
from crawljobs.repository import paging
from crawljobs.repository.operations import operation_rows
from crawljobs.repository.sql import inline_number, one_of

SCAN_LIMIT = 10_000  # to fill one page, at most this number of operations is checked
UNFINISHED = frozenset({OperationState.PENDING, OperationState.RUNNING})

_row = operations.c


@dataclass(frozen=True)
class OperationPage:
    """One page of operations. Pass `next` as `before_id` for the next page, unless it is None."""

    operations: Sequence[Operation]
    next: int | None


@lru_cache(maxsize=64)
def page_statement(
    *,
    states: tuple[OperationState, ...],
    by_kind: bool,
    continues: bool,
    limit: int,
    scan_limit: int,
) -> Select[Any]:
    """Return the statement that reads a page.

    If `states` has only unfinished states, the statement reads the index of unfinished operations.
    """
    ranges: list[ColumnElement[bool]] = []
    if continues:
        ranges.append(_row.id < bindparam("before_id", type_=BigInteger))
    walked = select(_row.id, _row.state, _row.kind).where(*ranges)
    if states and UNFINISHED.issuperset(states):
        # Few operations are unfinished, and they have their own index. Without OFFSET 0, Postgres
        # could scan the primary key instead, and so read many finished operations.
        walked = walked.where(_row.finished_at.is_(None)).offset(inline_number(0))

    def is_found(operation: FromClause) -> ColumnElement[bool]:
        return and_(
            one_of(operation.c.state, states) if states else true(),
            operation.c.kind == bindparam("kind", type_=Text) if by_kind else true(),
        )

    return paging.newest_first(
        walked,
        is_found=is_found,
        columns=operation_rows.COLUMNS,
        key=_row.id,
        scan_limit=scan_limit,
        limit=limit,
    )


def list_operations(
    conn: Connection,
    *,
    states: Collection[OperationState] = (),
    kind: OperationKind | None = None,
    before_id: int | None = None,
    limit: int = 100,
    scan_limit: int = SCAN_LIMIT,
) -> OperationPage:
    """Return a page of at most `limit` operations that match all filters, the newest first.

    A page checks at most `scan_limit` operations. So a page with fewer than `limit` operations can
    have a next page.
    """
    statement = page_statement(
        states=tuple(sorted(set(states))),
        by_kind=kind is not None,
        continues=before_id is not None,
        limit=limit + 1,
        scan_limit=scan_limit,
    )
    values = {"kind": kind, "before_id": before_id}
    rows = conn.execute(statement, {k: v for k, v in values.items() if v is not None}).all()
    found, following = paging.cut(rows, limit=limit)
    return OperationPage([operation_rows.to_operation(row) for row in found], following)
