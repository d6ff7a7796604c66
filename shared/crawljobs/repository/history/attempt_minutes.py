"""Write the rows of past minutes: the attempts of each endpoint, and how long they took."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import webhook_attempts, webhook_deliveries, webhook_history
from crawljobs.domain.webhook import AttemptResult
from crawljobs.repository.history.minute_clock import MINUTE, start_of
from crawljobs.repository.sql import NOW, inline, inline_interval, inline_number

# Each run writes the rows of the last five minutes again, so a late run loses nothing.
BACK = inline_interval("5 minutes")
ATTEMPTS_MAX = 50_000  # limit of the newest attempts that one run reads

_attempt = webhook_attempts.c
_until = start_of(MINUTE, NOW)
_newest = (
    select(_attempt.delivery_id, _attempt.started_at, _attempt.duration_ms, _attempt.result)
    .where(_attempt.started_at >= _until - BACK, _attempt.started_at < _until)
    .order_by(_attempt.started_at.desc())
    .limit(inline_number(ATTEMPTS_MAX))
    .cte("newest")
    .prefix_with("MATERIALIZED")
)
# This is a scalar subquery, because a join could read all deliveries.
_endpoint = (
    select(webhook_deliveries.c.endpoint_id)
    .where(webhook_deliveries.c.id == _newest.c.delivery_id)
    .scalar_subquery()
)
_found = select(
    _endpoint.label("endpoint_id"),
    start_of(MINUTE, _newest.c.started_at).label("at"),
    _newest.c.duration_ms,
    _newest.c.result,
).subquery("found")


def _milliseconds(share: str) -> ColumnElement[float]:
    return func.percentile_cont(literal_column(share)).within_group(_found.c.duration_ms)


_insert = insert(webhook_history).from_select(
    [
        "endpoint_id",
        "step_minutes",
        "at",
        "attempts",
        "attempts_failed",
        "attempt_p50_ms",
        "attempt_p95_ms",
    ],
    select(
        _found.c.endpoint_id,
        inline_number(1),
        _found.c.at,
        cast(func.count(), Integer),
        cast(func.count().filter(_found.c.result != inline(AttemptResult.SUCCEEDED)), Integer),
        _milliseconds("0.5"),
        _milliseconds("0.95"),
    )
    .where(_found.c.endpoint_id.is_not(None))
    .group_by(_found.c.endpoint_id, _found.c.at)
    .order_by(_found.c.endpoint_id, _found.c.at),
)
RECORD = _insert.on_conflict_do_update(
    index_elements=["endpoint_id", "step_minutes", "at"],
    set_={
        name: _insert.excluded[name]
        for name in ("attempts", "attempts_failed", "attempt_p50_ms", "attempt_p95_ms")
    },
).returning(webhook_history.c.at)


def record(conn: Connection, *, now: datetime | None = None) -> int:
    """Write the rows of the last five full minutes. Return the number of written rows.

    A second run writes the same rows. A minute in which an endpoint had no attempt has no row.
    """
    return len(conn.execute(RECORD, {"now": now}).all())
