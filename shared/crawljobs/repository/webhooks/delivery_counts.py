"""Count endpoints and their open deliveries for monitoring."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.webhook_totals import EndpointCondition, WebhookTotals

# The statement reads ranges of the index webhook_deliveries_state_idx (endpoint_id, state, id), in
# pages of 200 entries. delivery_ranges has the reason why the conditions compare row values. The
# pages are small, because Postgres assumes that a range has a ninth of all rows. For one page of
# 10,000 entries, it could choose to read and sort all deliveries of the range.
_COUNT = text("""
    WITH RECURSIVE pages AS (
        SELECT endpoint.id AS endpoint_id, open.state, CAST(0 AS bigint) AS last_id,
            CAST(0 AS bigint) AS deliveries, 0 AS number
        FROM webhook_endpoints AS endpoint
            CROSS JOIN (VALUES ('pending'), ('held')) AS open (state)
        UNION ALL
        SELECT pages.endpoint_id, pages.state, page.last_id, page.deliveries, pages.number + 1
        FROM pages CROSS JOIN LATERAL (
            SELECT max(entry.id) AS last_id, count(*) AS deliveries FROM (
                SELECT id FROM webhook_deliveries
                WHERE (endpoint_id, state, id) > (pages.endpoint_id, pages.state, pages.last_id)
                    AND (endpoint_id, state) <= (pages.endpoint_id, pages.state)
                ORDER BY endpoint_id, state, id LIMIT 200
            ) AS entry
        ) AS page
        WHERE page.deliveries > 0 AND pages.number < 50
    )
    SELECT coalesce(endpoint.disabled_reason, 'enabled') AS condition,
        coalesce(counted.pending, 0) AS pending, coalesce(counted.held, 0) AS held,
        CASE endpoint.state WHEN 'enabled' THEN coalesce((
            WITH RECURSIVE walked AS (
                SELECT CAST(0 AS bigint) AS last_id, CAST(NULL AS timestamptz) AS found_at,
                    0 AS number
                UNION ALL
                SELECT page.last_id, page.found_at, walked.number + 1
                FROM walked CROSS JOIN LATERAL (
                    SELECT max(entry.id) AS last_id,
                        min(entry.created_at) FILTER (WHERE entry.kind = 'event') AS found_at
                    FROM (
                        SELECT id, kind, created_at FROM webhook_deliveries
                        WHERE (endpoint_id, state, id) > (endpoint.id, 'pending', walked.last_id)
                            AND (endpoint_id, state) <= (endpoint.id, 'pending')
                        ORDER BY endpoint_id, state, id LIMIT 200
                    ) AS entry
                ) AS page
                WHERE walked.found_at IS NULL AND walked.last_id IS NOT NULL AND walked.number < 50
            )
            SELECT min(found_at) FROM walked
        ), (
            SELECT min(found.created_at) FROM (
                SELECT id FROM webhook_deliveries
                WHERE (endpoint_id, state) >= (endpoint.id, 'pending')
                    AND (endpoint_id, state, id) <= (endpoint.id, 'pending', 9223372036854775807)
                ORDER BY endpoint_id DESC, state DESC, id DESC LIMIT 200
            ) AS searched CROSS JOIN LATERAL (
                SELECT created_at FROM webhook_deliveries
                WHERE id = searched.id AND kind = 'event' LIMIT 1
            ) AS found
        )) END AS oldest_at
    FROM webhook_endpoints AS endpoint
        LEFT JOIN (
            SELECT endpoint_id, CAST(sum(deliveries) FILTER (WHERE state = 'pending') AS bigint)
                AS pending, CAST(sum(deliveries) FILTER (WHERE state = 'held') AS bigint) AS held
            FROM pages GROUP BY endpoint_id
        ) AS counted ON counted.endpoint_id = endpoint.id
    """)
_OLDEST_NEW = text("""
    SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now, (
        SELECT created_at FROM webhook_events WHERE expanded_at IS NULL ORDER BY version LIMIT 1
    ) AS oldest_at
    """)


def count_webhooks(conn: Connection, *, now: datetime | None = None) -> WebhookTotals:
    """Count endpoints and their pending and held deliveries, and find the oldest unsent event."""
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
