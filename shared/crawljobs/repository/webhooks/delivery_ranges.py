"""Statements that read one range of an index: the deliveries of one endpoint in one state.

The conditions compare row values, such as (endpoint_id, state) <= (...), and ORDER BY begins with
the endpoint and the state. Postgres does not know how many deliveries an endpoint has in a state.
So with `endpoint_id = ... AND state = ...`, it could choose a scan of the primary key, which reads
the deliveries of all endpoints.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    bindparam,
    literal_column,
    tuple_,
)

from crawljobs.domain.webhook import DeliveryState
from crawljobs.repository.sql import inline, inline_number

_ENDPOINT = bindparam("of_endpoint", type_=BigInteger)
_ZERO = inline_number(0)
_INT8_MAX = literal_column("9223372036854775807", BigInteger)


def oldest_first(
    statement: Select[Any],
    table: FromClause,
    state: DeliveryState,
    *,
    after: ColumnElement[int] = _ZERO,
) -> Select[Any]:
    """Return `statement` for the endpoint's deliveries in this state, the oldest first.

    Only deliveries with ids above `after` are selected.
    """
    of_state, place = _columns(table)
    return statement.where(
        place > tuple_(_ENDPOINT, inline(state), after),
        of_state <= tuple_(_ENDPOINT, inline(state)),
    ).order_by(table.c.endpoint_id, table.c.state, table.c.id)


def newest_first(
    statement: Select[Any],
    table: FromClause,
    state: DeliveryState,
    *,
    before: ColumnElement[int] = _INT8_MAX,
) -> Select[Any]:
    """Return `statement` for the endpoint's deliveries in this state, the newest first.

    Only deliveries with ids below `before` are selected.
    """
    of_state, place = _columns(table)
    return statement.where(
        of_state >= tuple_(_ENDPOINT, inline(state)),
        place < tuple_(_ENDPOINT, inline(state), before),
    ).order_by(table.c.endpoint_id.desc(), table.c.state.desc(), table.c.id.desc())


def _columns(table: FromClause) -> tuple[Any, Any]:
    columns = (table.c.endpoint_id, table.c.state, table.c.id)
    return tuple_(*columns[:2]), tuple_(*columns)
