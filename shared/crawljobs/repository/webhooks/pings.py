"""Create the delivery of a ping, which tests an endpoint."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.dialects.postgresql import JSONB, UUID

from crawljobs.db.tables import webhook_deliveries, webhook_events
from crawljobs.domain.webhook import DeliveryKind, DeliveryState, EventType
from crawljobs.repository.sql import NOW, inline

_delivery, _event = webhook_deliveries.c, webhook_events.c

_PENDING_PING = (
    select(_delivery.id)
    .where(
        _delivery.endpoint_id == bindparam("of_endpoint"),
        _delivery.state == inline(DeliveryState.PENDING),
        _delivery.kind == inline(DeliveryKind.PING),
    )
    .order_by(_delivery.next_attempt_at)
    .limit(1)
)
_PING_EVENT = (
    insert(webhook_events)
    .values(
        type=inline(EventType.TEST_PING),
        created_at=NOW,
        expanded_at=NOW,
        data=bindparam("data", type_=JSONB),
    )
    .returning(_event.id)
)
_PING = (
    insert(webhook_deliveries)
    .values(
        event_id=bindparam("event_id", type_=UUID(as_uuid=True)),
        endpoint_id=bindparam("of_endpoint"),
        kind=inline(DeliveryKind.PING),
        created_at=NOW,
        next_attempt_at=NOW,
    )
    .returning(_delivery.id)
)


def ping(conn: Connection, *, endpoint_id: int, now: datetime | None = None) -> int:
    """Create a delivery of the type test.ping, and return its id.

    If a ping of the endpoint is pending, return the id of that ping. The caller has locked the
    endpoint.
    """
    pending = conn.execute(_PENDING_PING, {"of_endpoint": endpoint_id}).scalar()
    if pending is not None:
        return int(pending)
    event = {"data": {"webhook_id": endpoint_id}, "now": now}
    event_id = conn.execute(_PING_EVENT, event).scalar_one()
    values = {"event_id": event_id, "of_endpoint": endpoint_id, "now": now}
    return int(conn.execute(_PING, values).scalar_one())
