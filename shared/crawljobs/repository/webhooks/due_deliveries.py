"""Find work that waits for a deliverer: new events, pings, due deliveries, ended leases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.webhook_fairness import DueEndpoint

# If no work waits, the statement reads only a few entries of partial indexes.
_WAITING = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now)
    SELECT EXISTS (SELECT FROM webhook_events WHERE expanded_at IS NULL) AS events,
        EXISTS (
            SELECT FROM webhook_deliveries
            WHERE state = 'pending' AND kind = 'ping'
                AND next_attempt_at <= (SELECT now FROM clock)
        ) AS pings,
        EXISTS (
            SELECT FROM webhook_deliveries
            WHERE claim_token IS NOT NULL AND lease_until <= (SELECT now FROM clock)
        ) AS interrupted,
        EXISTS (
            SELECT FROM webhook_endpoints AS endpoint CROSS JOIN LATERAL (
                SELECT 1 FROM webhook_deliveries
                WHERE endpoint_id = endpoint.id AND state = 'pending'
                    AND next_attempt_at <= (SELECT now FROM clock)
                ORDER BY next_attempt_at LIMIT 1
            ) AS due
            WHERE endpoint.state = 'enabled'
        ) AS deliveries
    """)

# At most :per_endpoint due deliveries are counted for each endpoint.
_DUE = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now)
    SELECT endpoint.id, running.deliveries AS running, due.deliveries AS due,
        endpoint.first_failure_at IS NOT NULL AS failing,
        endpoint.last_success_at IS NOT NULL AND endpoint.first_failure_at IS NULL AS proven
    FROM webhook_endpoints AS endpoint
        CROSS JOIN LATERAL (
            SELECT count(*) AS deliveries FROM webhook_deliveries
            WHERE endpoint_id = endpoint.id AND claim_token IS NOT NULL AND kind <> 'ping'
                AND lease_until > (SELECT now FROM clock)
        ) AS running
        CROSS JOIN LATERAL (
            SELECT count(*) AS deliveries FROM (
                SELECT 1 FROM webhook_deliveries
                WHERE endpoint_id = endpoint.id AND state = 'pending' AND kind <> 'ping'
                    AND next_attempt_at <= (SELECT now FROM clock)
                ORDER BY next_attempt_at LIMIT :per_endpoint
            ) AS counted
        ) AS due
    WHERE endpoint.state = 'enabled' AND due.deliveries > 0
    ORDER BY endpoint.id
    """)


@dataclass(frozen=True)
class WaitingWork:
    """For each kind of work: whether work of this kind waits for a deliverer now."""

    events: bool
    pings: bool
    interrupted: bool  # claims whose lease has ended
    deliveries: bool


def waiting_work(conn: Connection, *, now: datetime | None = None) -> WaitingWork:
    """Return which kinds of work wait for a deliverer now."""
    return WaitingWork(**conn.execute(_WAITING, {"now": now}).one()._mapping)


def due_endpoints(
    conn: Connection, *, per_endpoint: int, now: datetime | None = None
) -> list[DueEndpoint]:
    """Return the enabled endpoints with due deliveries. Pings do not count."""
    rows = conn.execute(_DUE, {"per_endpoint": per_endpoint, "now": now})
    return [DueEndpoint(**row._mapping) for row in rows]
