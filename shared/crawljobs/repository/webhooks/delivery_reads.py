"""Read the deliveries of an endpoint, and the attempts of a delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, Select, Subquery, bindparam, select, true, union_all

from crawljobs.db.tables import webhook_attempts, webhook_deliveries, webhook_events
from crawljobs.domain.webhook import AttemptResult, DeliveryKind, DeliveryState
from crawljobs.repository.sql import ONE_ROW, inline_number
from crawljobs.repository.webhooks import delivery_ranges
from crawljobs.repository.webhooks.event_data import DATA

ATTEMPTS_MAX = 100  # only this number of newest attempts of a delivery is read

_delivery, _event, _attempt = webhook_deliveries.c, webhook_events.c, webhook_attempts.c

_OF_DELIVERY = (
    _delivery.id,
    _delivery.event_id,
    _delivery.endpoint_id,
    _delivery.kind,
    _delivery.state,
    _delivery.attempts,
    _delivery.next_attempt_at,
    _delivery.created_at,
    _delivery.ended_at,
)
_OF_EVENT = (
    _event.type,
    _event.job_id,
    _event.group_ids[inline_number(1)].label("group_id"),
    _event.subreddit,
)
_GET = (
    select(*_OF_DELIVERY, *_OF_EVENT, _event.body, DATA.label("data"))
    .select_from(webhook_deliveries.join(webhook_events, _event.id == _delivery.event_id))
    .where(_delivery.id == bindparam("delivery_id"))
)
_ATTEMPTS = (
    select(*webhook_attempts.c)
    .where(_attempt.delivery_id == bindparam("delivery_id"))
    .order_by(_attempt.number.desc())
    .limit(bindparam("at_most"))
)


@dataclass(frozen=True)
class Delivery:
    """A delivery, and the objects of its event. All times have the time zone UTC."""

    id: int
    event_id: UUID
    endpoint_id: int
    type: str
    job_id: int | None
    group_id: int | None  # the first group of the event
    subreddit: str | None
    kind: DeliveryKind
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None  # None unless the delivery is pending
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Attempt:
    """A row of the table webhook_attempts."""

    delivery_id: int
    number: int
    started_at: datetime
    duration_ms: int
    result: AttemptResult
    status_code: int | None
    detail: str | None
    response: str | None


@dataclass(frozen=True)
class DeliveryDetail:
    """A delivery with its event and its newest attempts, the newest first.

    `body` is the text that is sent, or None if the deliverer has not made the text yet.
    """

    delivery: Delivery
    data: Mapping[str, Any]
    body: str | None
    attempts: tuple[Attempt, ...]


@lru_cache(maxsize=16)
def list_statement(state: DeliveryState | None, *, is_first_page: bool) -> Select[Any]:
    """Return the statement for a page of an endpoint's deliveries, the newest first.

    Without a state, the statement merges the newest deliveries of each state. So it uses the same
    index as the list of one state.
    """
    of_states = [
        _newest(each, is_first_page=is_first_page)
        for each in (DeliveryState if state is None else (state,))
    ]
    merged = union_all(*(select(each) for each in of_states)).subquery("merged")
    page = select(merged).order_by(merged.c.id.desc()).limit(bindparam("at_most")).subquery("page")
    # Without LIMIT, Postgres could read all events for one page.
    event = select(*_OF_EVENT).where(_event.id == page.c.event_id).limit(ONE_ROW).lateral("event")
    return (
        select(*(page.c[column.name] for column in _OF_DELIVERY), *event.c)
        .select_from(page.join(event, true()))
        .order_by(page.c.id.desc())
    )


def _newest(state: DeliveryState, *, is_first_page: bool) -> Subquery:
    of_delivery = select(*_OF_DELIVERY)
    statement = (
        delivery_ranges.newest_first(of_delivery, webhook_deliveries, state)
        if is_first_page
        else delivery_ranges.newest_first(
            of_delivery, webhook_deliveries, state, before=bindparam("before_id", type_=BigInteger)
        )
    )
    return statement.limit(bindparam("at_most")).subquery()


def list_deliveries(
    conn: Connection,
    *,
    endpoint_id: int,
    state: DeliveryState | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """Return the endpoint's newest deliveries with ids below `before_id`, at most `limit`."""
    statement = list_statement(state, is_first_page=before_id is None)
    values = {"of_endpoint": endpoint_id, "before_id": before_id, "at_most": limit}
    return [_to_delivery(row) for row in conn.execute(statement, values)]


def get(conn: Connection, *, delivery_id: int) -> DeliveryDetail | None:
    """Return the delivery with at most ATTEMPTS_MAX attempts, or None if it does not exist."""
    row = conn.execute(_GET, {"delivery_id": delivery_id}).first()
    if row is None:
        return None
    found = conn.execute(_ATTEMPTS, {"delivery_id": delivery_id, "at_most": ATTEMPTS_MAX})
    attempts = tuple(
        Attempt(**{**each._mapping, "result": AttemptResult(each.result)}) for each in found
    )
    return DeliveryDetail(_to_delivery(row), row.data, row.body, attempts)


def _to_delivery(row: Any) -> Delivery:
    state = DeliveryState(row.state)
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        endpoint_id=row.endpoint_id,
        type=row.type,
        job_id=row.job_id,
        group_id=row.group_id,
        subreddit=row.subreddit,
        kind=DeliveryKind(row.kind),
        state=state,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at if state is DeliveryState.PENDING else None,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
