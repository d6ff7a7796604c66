"""Claim deliveries for a sender. A claim has a lease, and its end makes the delivery due again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain.webhook import DeliveryKind
from crawljobs.domain.webhook_fairness import DueEndpoint

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('crawljobs webhook claims'))")

# At most :per_endpoint due deliveries are counted for each endpoint.
_DUE = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now)
    SELECT endpoint.id, running.deliveries AS running, due.deliveries AS due,
        endpoint.first_failure_at IS NOT NULL AS failing
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

# A delivery that still has a claim token was sent by a process that died: its lease has ended.
# While a delivery is claimed, its next attempt is at the end of the lease.
_CLAIM = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now),
    chosen AS (
        SELECT due.* FROM unnest(
                (SELECT CAST(:endpoints AS bigint[])), (SELECT CAST(:shares AS bigint[]))
            ) AS wanted (endpoint_id, share)
            CROSS JOIN LATERAL (
                SELECT id, attempts, claim_token, lease_until FROM webhook_deliveries
                WHERE endpoint_id = wanted.endpoint_id AND state = 'pending' AND kind <> 'ping'
                    AND next_attempt_at <= (SELECT now FROM clock)
                ORDER BY next_attempt_at, id LIMIT wanted.share
                FOR NO KEY UPDATE SKIP LOCKED
            ) AS due
    ),
    interrupted AS (
        INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, result)
        SELECT id, attempts + 1, lease_until - CAST(:lease AS interval), 0, 'interrupted'
        FROM chosen WHERE claim_token IS NOT NULL
    )
    UPDATE webhook_deliveries
    SET claim_token = CAST(:token AS uuid),
        lease_until = (SELECT now FROM clock) + CAST(:lease AS interval),
        next_attempt_at = (SELECT now FROM clock) + CAST(:lease AS interval),
        attempts = attempts + CAST(claim_token IS NOT NULL AS integer)
    WHERE id = ANY (ARRAY(SELECT id FROM chosen))
    RETURNING id
    """)

# A ping has one attempt: a ping whose sender died has failed.
_PINGS = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now),
    chosen AS (
        SELECT delivery.id, delivery.attempts, delivery.claim_token, delivery.lease_until
        FROM webhook_deliveries AS delivery
            JOIN webhook_endpoints AS endpoint ON endpoint.id = delivery.endpoint_id
        WHERE delivery.state = 'pending' AND delivery.kind = 'ping'
            AND delivery.next_attempt_at <= (SELECT now FROM clock)
        ORDER BY delivery.next_attempt_at LIMIT :at_most
        FOR NO KEY UPDATE OF delivery SKIP LOCKED
    ),
    interrupted AS (
        INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, result)
        SELECT id, attempts + 1, lease_until - CAST(:lease AS interval), 0, 'interrupted'
        FROM chosen WHERE claim_token IS NOT NULL
    ),
    failed AS (
        UPDATE webhook_deliveries
        SET state = 'failed', ended_at = (SELECT now FROM clock), claim_token = NULL,
            lease_until = NULL, attempts = attempts + 1
        WHERE id = ANY (ARRAY(SELECT id FROM chosen WHERE claim_token IS NOT NULL))
    )
    UPDATE webhook_deliveries
    SET claim_token = CAST(:token AS uuid),
        lease_until = (SELECT now FROM clock) + CAST(:lease AS interval),
        next_attempt_at = (SELECT now FROM clock) + CAST(:lease AS interval)
    WHERE id = ANY (ARRAY(SELECT id FROM chosen WHERE claim_token IS NULL))
    RETURNING id
    """)

_CLAIMED = text("""
    SELECT delivery.id, delivery.endpoint_id, delivery.kind,
        delivery.attempts - delivery.attempts_before AS attempts,
        event.id AS event_id, event.type, event.created_at AS event_at, event.version, event.data,
        event.body, endpoint.url, endpoint.secret_version,
        CASE WHEN endpoint.previous_secret_until > clock.now
            THEN endpoint.previous_secret_version END AS previous_secret_version,
        CAST(extract(epoch FROM clock.now - event.created_at) AS float) AS waited_seconds
    FROM (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now) AS clock
        CROSS JOIN webhook_deliveries AS delivery
        CROSS JOIN LATERAL (
            SELECT * FROM webhook_events WHERE id = delivery.event_id LIMIT 1
        ) AS event
        CROSS JOIN LATERAL (
            SELECT * FROM webhook_endpoints WHERE id = delivery.endpoint_id LIMIT 1
        ) AS endpoint
    WHERE delivery.id = ANY (CAST(:ids AS bigint[]))
    ORDER BY delivery.id
    """)

# Cheap when there is nothing to do: a few entries of partial indexes.
_WAITING = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now)
    SELECT EXISTS (SELECT FROM webhook_events WHERE expanded_at IS NULL) AS events,
        EXISTS (
            SELECT FROM webhook_deliveries
            WHERE state = 'pending' AND kind = 'ping'
                AND next_attempt_at <= (SELECT now FROM clock)
        ) AS pings,
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

_KEEP_BODY = text("""
    UPDATE webhook_events SET body = :body WHERE id = CAST(:id AS uuid) AND body IS NULL
    """)


@dataclass(frozen=True)
class WaitingWork:
    """The kinds of work that wait for a deliverer now."""

    events: bool
    pings: bool
    deliveries: bool


@dataclass(frozen=True)
class ClaimedDelivery:
    """A delivery to send. `attempts` counts those since it was created or last replayed.

    `body` is None for an event that was never sent. `keep_body` stores it before the first attempt.
    """

    id: int
    token: uuid.UUID
    endpoint_id: int
    kind: DeliveryKind
    attempts: int
    event_id: uuid.UUID
    type: str
    event_at: datetime
    version: int
    data: Mapping[str, Any]
    body: str | None
    url: str
    secret_version: int
    previous_secret_version: int | None  # None: it signs no more
    waited_seconds: float  # from the event to the claim


def waiting_work(conn: Connection, *, now: datetime | None = None) -> WaitingWork:
    """Return what waits for a deliverer."""
    return WaitingWork(**conn.execute(_WAITING, {"now": now}).one()._mapping)


def lock_claims(conn: Connection) -> bool:
    """Lock the claims until the end of the transaction. Return False if another process has them.

    Without this lock, two processes could together claim more for one endpoint than it may have.
    """
    return bool(conn.execute(_LOCK).scalar_one())


def due_endpoints(
    conn: Connection, *, per_endpoint: int, now: datetime | None = None
) -> list[DueEndpoint]:
    """Return the enabled endpoints with due deliveries. Pings do not count."""
    rows = conn.execute(_DUE, {"per_endpoint": per_endpoint, "now": now})
    return [DueEndpoint(**row._mapping) for row in rows]


def claim(
    conn: Connection,
    *,
    shares: Mapping[int, int],
    lease: timedelta,
    now: datetime | None = None,
) -> list[ClaimedDelivery]:
    """Claim the oldest due deliveries: for each endpoint id in `shares` at most that number."""
    if not shares:
        return []
    values = {"endpoints": [*shares], "shares": [*shares.values()]}
    return _claimed(conn, _CLAIM, values, lease, now)


def claim_pings(
    conn: Connection, *, at_most: int, lease: timedelta, now: datetime | None = None
) -> list[ClaimedDelivery]:
    """Claim at most `at_most` pings, of any endpoint."""
    return _claimed(conn, _PINGS, {"at_most": at_most}, lease, now)


def keep_bodies(conn: Connection, *, bodies: Mapping[uuid.UUID, str]) -> None:
    """Store the bodies of events that have none. Each later attempt sends the same bytes."""
    if bodies:
        conn.execute(_KEEP_BODY, [{"id": key, "body": body} for key, body in bodies.items()])


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
