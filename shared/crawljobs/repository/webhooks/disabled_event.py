"""Write an event which reports that an endpoint was disabled because its deliveries failed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs.domain.webhook import DisabledReason

# Only other endpoints get this event, because the endpoint itself is disabled.
_WRITE = text("""
    INSERT INTO webhook_events (type, created_at, data)
    SELECT 'webhook.disabled', coalesce(CAST(:now AS timestamptz), clock_timestamp()), :data
    WHERE EXISTS (
        SELECT FROM webhook_endpoints
        WHERE id <> :endpoint_id AND 'webhook.disabled' = ANY (events)
            AND disabled_reason IS DISTINCT FROM 'operator'
    )
    """).bindparams(bindparam("data", type_=JSONB))


def write(
    conn: Connection,
    *,
    endpoint_id: int,
    reason: DisabledReason,
    detail: str,
    now: datetime | None = None,
) -> None:
    """Insert an event `webhook.disabled` if another endpoint subscribes to this type."""
    data = {"webhook_id": endpoint_id, "reason": reason, "detail": detail}
    conn.execute(_WRITE, {"endpoint_id": endpoint_id, "data": data, "now": now})
