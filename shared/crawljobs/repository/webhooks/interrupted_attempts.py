"""Record attempts that a process did not finish, because it died or was stopped."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain import webhook_retry

CHUNK = 500  # limit of the attempts that one call records

# Records attempts whose lease has ended, because their process died or hangs. A process that is
# stopped releases its claims itself (see `release`). The attempts of released claims have a detail,
# and do not count towards INTERRUPTIONS_MAX.
#
# If a process died several times during attempts of a delivery, the delivery may be the cause of
# these deaths. So the next attempt of this delivery comes after a random time. Without the random
# time, the same other deliveries would run beside it again, and would be interrupted too.
_RECORD = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now),
    expired AS (
        SELECT id, kind, attempts, attempts_before, lease_until FROM webhook_deliveries
        WHERE claim_token IS NOT NULL AND lease_until <= (SELECT now FROM clock)
        LIMIT :at_most FOR NO KEY UPDATE SKIP LOCKED
    ),
    interrupted AS (
        SELECT expired.id, expired.kind, 1 + (
            SELECT count(*) FROM webhook_attempts
            WHERE delivery_id = expired.id AND number > expired.attempts_before
                AND result = 'interrupted' AND detail IS NULL
        ) AS times
        FROM expired
    ),
    recorded AS (
        INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, result)
        SELECT id, attempts + 1, lease_until - CAST(:lease AS interval), 0, 'interrupted'
        FROM expired
    )
    UPDATE webhook_deliveries AS delivery
    SET attempts = delivery.attempts + 1, claim_token = NULL, lease_until = NULL,
        state = CASE WHEN interrupted.times >= :most OR interrupted.kind = 'ping'
            THEN 'failed' ELSE delivery.state END,
        ended_at = CASE WHEN interrupted.times >= :most OR interrupted.kind = 'ping'
            THEN (SELECT now FROM clock) END,
        next_attempt_at = (SELECT now FROM clock)
            + (interrupted.times - 1) * random() * CAST(:pause AS interval)
    FROM interrupted
    WHERE delivery.id = interrupted.id AND delivery.id = ANY (ARRAY(SELECT id FROM expired))
    RETURNING delivery.id, delivery.endpoint_id, delivery.kind, delivery.state, interrupted.times
    """)

# A ping has only one attempt.
_RELEASE = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now),
    running AS (
        SELECT id, attempts, lease_until FROM webhook_deliveries
        WHERE id = ANY (CAST(:ids AS bigint[])) AND claim_token = ANY (CAST(:tokens AS uuid[]))
        ORDER BY id FOR NO KEY UPDATE
    ),
    recorded AS (
        INSERT INTO webhook_attempts
            (delivery_id, number, started_at, duration_ms, result, detail)
        SELECT id, attempts + 1, lease_until - CAST(:lease AS interval), 0, 'interrupted', :detail
        FROM running
    )
    UPDATE webhook_deliveries
    SET attempts = attempts + 1, claim_token = NULL, lease_until = NULL,
        state = CASE kind WHEN 'ping' THEN 'failed' ELSE state END,
        ended_at = CASE kind WHEN 'ping' THEN (SELECT now FROM clock) END,
        next_attempt_at = (SELECT now FROM clock)
    WHERE id = ANY (ARRAY(SELECT id FROM running))
    """)
STOPPED = "the scheduler was stopped"


@dataclass(frozen=True)
class InterruptedDelivery:
    """A delivery whose process died during an attempt.

    - `times`: the number of such attempts since the delivery was created or last replayed.
    - `has_failed`: no further attempt follows, because `times` is at its limit or the delivery is a
      ping.
    """

    id: int
    endpoint_id: int
    times: int
    has_failed: bool


def record(
    conn: Connection, *, lease: timedelta, at_most: int = CHUNK, now: datetime | None = None
) -> list[InterruptedDelivery]:
    """Record an interrupted attempt for each claim whose lease has ended, and end the claim.

    After the first interruption, the delivery is due at once. After each further interruption, a
    longer random pause follows. After INTERRUPTIONS_MAX interruptions, and for a ping, the delivery
    fails. `lease` is the length of the lease of a claim.
    """
    values: dict[str, Any] = {
        "lease": lease,
        "at_most": at_most,
        "most": webhook_retry.INTERRUPTIONS_MAX,
        "pause": webhook_retry.INTERRUPTION_PAUSE,
        "now": now,
    }
    return [
        InterruptedDelivery(row.id, row.endpoint_id, row.times, row.state == "failed")
        for row in conn.execute(_RECORD, values)
    ]


def release(
    conn: Connection,
    *,
    claims: Sequence[tuple[int, uuid.UUID]],
    lease: timedelta,
    now: datetime | None = None,
) -> None:
    """End these claims of a process that stops, and record their attempts as interrupted.

    `claims` are pairs of a delivery's id and the token of its claim.

    The deliveries are due at once, except pings, which fail.
    """
    values = {"ids": [each for each, _ in claims], "tokens": [each for _, each in claims]}
    conn.execute(_RELEASE, {**values, "lease": lease, "detail": STOPPED, "now": now})
