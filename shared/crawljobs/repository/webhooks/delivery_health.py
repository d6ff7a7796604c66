"""Read the newest ended deliveries of each endpoint, for the health of the endpoints."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Select, select, true, union_all

from crawljobs.db.tables import webhook_attempts, webhook_deliveries
from crawljobs.domain import endpoint_health
from crawljobs.domain.endpoint_health import EndedDelivery, EndpointHealth
from crawljobs.domain.webhook import DeliveryState
from crawljobs.repository.sql import ONE_ROW, inline_number
from crawljobs.repository.webhooks import delivery_ranges, endpoint_rows

READ_MAX = 300  # limit of an endpoint's newest deliveries in each of the two end states
ENDPOINTS_MAX = 50  # limit of the endpoints whose health is read

_delivery, _attempt = webhook_deliveries.c, webhook_attempts.c
_STATES = (DeliveryState.DELIVERED, DeliveryState.FAILED)


def _newest(state: DeliveryState) -> Select[int, str, datetime]:
    ended = select(_delivery.id, _delivery.state, _delivery.ended_at)
    newest = delivery_ranges.newest_first(ended, webhook_deliveries, state)
    return newest.limit(inline_number(READ_MAX))


_ended = union_all(*(_newest(state) for state in _STATES)).subquery("ended")
_last = (
    select(_attempt.duration_ms)
    .where(_attempt.delivery_id == _ended.c.id)
    .order_by(_attempt.number.desc())
    .limit(ONE_ROW)
    .lateral("last_attempt")
)
ENDED = select(_ended.c.state, _ended.c.ended_at, _last.c.duration_ms).select_from(
    _ended.outerjoin(_last, true())
)


def read_health(conn: Connection, *, now: datetime) -> list[EndpointHealth]:
    """Return the health of each endpoint, from its newest READ_MAX deliveries in each end state."""
    found = []
    for endpoint in endpoint_rows.list_endpoints(conn, after_id=None, limit=ENDPOINTS_MAX):
        rows = [
            EndedDelivery(DeliveryState(row.state), row.ended_at, row.duration_ms)
            for row in conn.execute(ENDED, {"of_endpoint": endpoint.id})
        ]
        numbers = [sum(each.state is state for each in rows) for state in _STATES]
        found.append(
            endpoint_health.health_of(endpoint.id, rows, now=now, at_least=max(numbers) >= READ_MAX)
        )
    return found
