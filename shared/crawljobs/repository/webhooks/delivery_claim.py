"""Claim deliveries for a sender. A delivery is due again at the end of its claim's lease."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain.webhook import DeliveryKind
from crawljobs.repository.webhooks.event_data import data_sql

# Without these locks, two processes together could claim more deliveries of an endpoint than its
# limit allows. Endpoints that another transaction has locked are left out.
_LOCK = text("""
    SELECT id FROM webhook_endpoints
    WHERE id = ANY (CAST(:endpoints AS bigint[])) AND state = 'enabled'
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    """)

# A due delivery with a claim is left out. `interrupted_attempts.record` first ends the claim.
_CLAIM = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now),
    chosen AS (
        SELECT due.id FROM unnest(
                (SELECT CAST(:endpoints AS bigint[])), (SELECT CAST(:shares AS bigint[]))
            ) AS wanted (endpoint_id, share)
            CROSS JOIN LATERAL (
                SELECT count(*) AS deliveries FROM webhook_deliveries
                WHERE endpoint_id = wanted.endpoint_id AND claim_token IS NOT NULL
                    AND kind <> 'ping' AND lease_until > (SELECT now FROM clock)
            ) AS running
            CROSS JOIN LATERAL (
                SELECT id FROM webhook_deliveries
                WHERE endpoint_id = wanted.endpoint_id AND state = 'pending' AND kind <> 'ping'
                    AND next_attempt_at <= (SELECT now FROM clock) AND claim_token IS NULL
                ORDER BY next_attempt_at, id
                LIMIT greatest(least(wanted.share, :per_endpoint - running.deliveries), 0)
                FOR NO KEY UPDATE SKIP LOCKED
            ) AS due
    )
    UPDATE webhook_deliveries
    SET claim_token = CAST(:token AS uuid),
        lease_until = (SELECT now FROM clock) + CAST(:lease AS interval),
        next_attempt_at = (SELECT now FROM clock) + CAST(:lease AS interval)
    WHERE id = ANY (ARRAY(SELECT id FROM chosen))
    RETURNING id
    """)

_PINGS = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now),
    chosen AS (
        SELECT delivery.id
        FROM webhook_deliveries AS delivery
            JOIN webhook_endpoints AS endpoint ON endpoint.id = delivery.endpoint_id
        WHERE delivery.state = 'pending' AND delivery.kind = 'ping'
            AND delivery.next_attempt_at <= (SELECT now FROM clock)
            AND delivery.claim_token IS NULL
        ORDER BY delivery.next_attempt_at LIMIT :at_most
        FOR NO KEY UPDATE OF delivery SKIP LOCKED
    )
    UPDATE webhook_deliveries
    SET claim_token = CAST(:token AS uuid),
        lease_until = (SELECT now FROM clock) + CAST(:lease AS interval),
        next_attempt_at = (SELECT now FROM clock) + CAST(:lease AS interval)
    WHERE id = ANY (ARRAY(SELECT id FROM chosen))
    RETURNING id
    """)

_CLAIMED = text(f"""
    SELECT delivery.id, delivery.endpoint_id, delivery.kind,
        delivery.attempts - delivery.attempts_before - interrupted.attempts AS attempts,
        interrupted.attempts AS interruptions,
        event.id AS event_id, event.type, event.created_at AS event_at, event.version, event.data,
        event.body, endpoint.url, endpoint.secret_version,
        CASE WHEN endpoint.previous_secret_until > clock.now
            THEN endpoint.previous_secret_version END AS previous_secret_version,
        CAST(extract(epoch FROM clock.now - event.created_at) AS float) AS waited_seconds
    FROM (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now) AS clock
        CROSS JOIN webhook_deliveries AS delivery
        CROSS JOIN LATERAL (
            SELECT id, type, created_at, version, body, {data_sql()} AS data
            FROM webhook_events WHERE id = delivery.event_id LIMIT 1
        ) AS event
        CROSS JOIN LATERAL (
            SELECT * FROM webhook_endpoints WHERE id = delivery.endpoint_id LIMIT 1
        ) AS endpoint
        CROSS JOIN LATERAL (
            SELECT count(*) AS attempts FROM webhook_attempts
            WHERE delivery_id = delivery.id AND number > delivery.attempts_before
                AND result = 'interrupted'
        ) AS interrupted
    WHERE delivery.id = ANY (CAST(:ids AS bigint[]))
    ORDER BY delivery.id
    """)


@dataclass(frozen=True)
class ClaimedDelivery:
    """A delivery to send.

    - `attempts`: the number of finished attempts since the delivery was created or last replayed.
    - `interruptions`: the number of attempts since then that a process did not finish.
    - `body`: None for an event that was never sent. Then `stored_bodies.keep` stores a body.
    """

    id: int
    token: uuid.UUID
    endpoint_id: int
    kind: DeliveryKind
    attempts: int
    interruptions: int
    event_id: uuid.UUID
    type: str
    event_at: datetime
    version: int
    data: Mapping[str, Any]
    body: str | None
    url: str
    secret_version: int
    previous_secret_version: int | None  # None: only the present secret signs the delivery
    waited_seconds: float  # seconds from the event to the claim


def claim(
    conn: Connection,
    *,
    shares: Mapping[int, int],
    per_endpoint: int,
    lease: timedelta,
    now: datetime | None = None,
) -> list[ClaimedDelivery]:
    """Claim the oldest due deliveries. `shares` maps endpoint ids to the limits of new claims.

    An endpoint gets at most `per_endpoint` attempts at the same time, including the attempts of
    other processes. Endpoints that another transaction has locked are left out.
    """
    if not shares:
        return []
    locked = [*conn.execute(_LOCK, {"endpoints": [*shares]}).scalars()]
    if not locked:
        return []
    values = {
        "endpoints": locked,
        "shares": [shares[each] for each in locked],
        "per_endpoint": per_endpoint,
    }
    return _claimed(conn, _CLAIM, values, lease, now)


def claim_pings(
    conn: Connection, *, at_most: int, lease: timedelta, now: datetime | None = None
) -> list[ClaimedDelivery]:
    """Claim at most `at_most` pings, of any endpoint."""
    return _claimed(conn, _PINGS, {"at_most": at_most}, lease, now)


def _claimed(
    conn: Connection,
    statement: Any,
    values: Mapping[str, Any],
    lease: timedelta,
    now: datetime | None,
) -> list[ClaimedDelivery]:
    token = uuid.uuid4()
    given = {**values, "token": token, "lease": lease, "now": now}
    ids = [*conn.execute(statement, given).scalars()]
    if not ids:
        return []
    rows = conn.execute(_CLAIMED, {"ids": ids, "now": now})
    return [_to_claimed(dict(row._mapping), token) for row in rows]


def _to_claimed(values: dict[str, Any], token: uuid.UUID) -> ClaimedDelivery:
    return ClaimedDelivery(**{**values, "kind": DeliveryKind(values["kind"])}, token=token)
