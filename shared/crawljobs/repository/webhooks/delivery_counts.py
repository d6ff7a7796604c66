"""Count endpoints and their open deliveries for monitoring."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.webhook_totals import EndpointCondition, WebhookTotals

# Each subquery reads a limited range of the partial index webhook_deliveries_state_idx. The search
# for the oldest event compares whole rows of that index's columns (endpoint_id, state, id). With
# `endpoint_id = ... AND state = ...`, a plan could read the whole table in the order of ids.
_COUNT = text("""
    SELECT coalesce(endpoint.disabled_reason, 'enabled') AS condition,
        pending.deliveries AS pending, held.deliveries AS held, oldest.created_at AS oldest_at
    FROM webhook_endpoints AS endpoint
        CROSS JOIN LATERAL (
            SELECT count(*) AS deliveries FROM (
                SELECT 1 FROM webhook_deliveries
                WHERE endpoint_id = endpoint.id AND state = 'pending' AND state <> 'delivered'
                LIMIT 10000
            ) AS counted
        ) AS pending
        CROSS JOIN LATERAL (
            SELECT count(*) AS deliveries FROM (
                SELECT 1 FROM webhook_deliveries
                WHERE endpoint_id = endpoint.id AND state = 'held' AND state <> 'delivered'
                LIMIT 10000
            ) AS counted
        ) AS held
        LEFT JOIN LATERAL (
            SELECT created_at FROM (
                SELECT created_at, kind FROM webhook_deliveries
                WHERE state <> 'delivered'
                    AND (endpoint_id, state, id) >= (endpoint.id, 'pending', 0)
                    AND (endpoint_id, state, id) <= (endpoint.id, 'pending', 9223372036854775807)
                ORDER BY endpoint_id, state, id LIMIT 1000
            ) AS searched
            WHERE kind = 'event' LIMIT 1
        ) AS oldest ON endpoint.state = 'enabled'
    """)
_OLDEST_NEW = text("""
    SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now, (
        SELECT created_at FROM webhook_events WHERE expanded_at IS NULL ORDER BY version LIMIT 1
    ) AS oldest_at
    """)


def count_webhooks(conn: Connection, *, now: datetime | None = None) -> WebhookTotals:
    """Count the endpoints and their pending and held deliveries. Find the oldest event's age."""
    rows = conn.execute(_COUNT).all()
    new = conn.execute(_OLDEST_NEW, {"now": now}).one()
    endpoints = dict.fromkeys(EndpointCondition, 0)
    for row in rows:
        endpoints[EndpointCondition(row.condition)] += 1
    times = [at for at in (new.oldest_at, *(row.oldest_at for row in rows)) if at is not None]
    return WebhookTotals(
        endpoints=endpoints,
        pending=sum(row.pending for row in rows),
        held=sum(row.held for row in rows),
        oldest_undelivered_seconds=max(
            0.0, (new.now - min(times)).total_seconds() if times else 0.0
        ),
    )
