"""Record an attempt to deliver an event, and its effects on the delivery and the endpoint.

The order of locks is: the endpoint, then its deliveries.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.domain.webhook import AttemptResult, DeliveryState

# If the lease has ended and another process has claimed the delivery, the claim token has changed,
# and nothing is written.
_RECORD = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now),
    changed AS (
        UPDATE webhook_deliveries
        SET attempts = attempts + 1, state = :state, claim_token = NULL, lease_until = NULL,
            next_attempt_at = (SELECT now FROM clock) + CAST(:delay AS interval),
            ended_at = CASE WHEN CAST(:state AS text) <> 'pending' THEN (SELECT now FROM clock) END
        WHERE id = :delivery_id AND claim_token = CAST(:token AS uuid)
        RETURNING id, attempts
    )
    INSERT INTO webhook_attempts
        (delivery_id, number, started_at, duration_ms, result, status_code, detail, response)
    SELECT id, attempts, (SELECT now FROM clock) - CAST(:duration AS interval),
        CAST(extract(epoch FROM CAST(:duration AS interval)) * 1000 AS integer),
        :result, CAST(:status_code AS smallint), CAST(:detail AS text), CAST(:response AS text)
    FROM changed
    RETURNING number
    """)

# While the results stay good or stay bad, an endpoint's row changes at most once in :pause.
# Otherwise many deliveries would wait for the lock of the row.
_SUCCESS = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now)
    UPDATE webhook_endpoints
    SET last_success_at = (SELECT now FROM clock), first_failure_at = NULL, last_failure_at = NULL
    WHERE id = :endpoint_id AND (first_failure_at IS NOT NULL OR last_success_at IS NULL
        OR last_success_at < (SELECT now FROM clock) - CAST(:pause AS interval))
    """)
_FAILURE = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now)
    UPDATE webhook_endpoints
    SET first_failure_at = coalesce(first_failure_at, (SELECT now FROM clock)),
        last_failure_at = (SELECT now FROM clock)
    WHERE id = :endpoint_id AND (first_failure_at IS NULL
        OR last_failure_at < (SELECT now FROM clock) - CAST(:pause AS interval))
    RETURNING (SELECT now FROM clock) AS now
    """)


@dataclass(frozen=True)
class FinishedAttempt:
    """An attempt to deliver an event, with the receiver's reply.

    `response` has at most 2,048 bytes, `detail` at most 1,000 characters.
    """

    duration: timedelta
    result: AttemptResult
    status_code: int | None = None
    detail: str | None = None
    response: str | None = None


def record(
    conn: Connection,
    *,
    delivery_id: int,
    token: uuid.UUID,
    attempt: FinishedAttempt,
    state: DeliveryState,
    delay: timedelta = timedelta(0),
    now: datetime | None = None,
) -> int | None:
    """Insert the attempt, set the state of its delivery, and return the attempt's number.

    `delay` is the time before the next attempt of a delivery that stays pending. Returns None, and
    changes nothing, if the claim was lost.
    """
    values = {
        "delivery_id": delivery_id,
        "token": token,
        "state": state,
        "delay": delay,
        "duration": attempt.duration,
        "result": attempt.result,
        "status_code": attempt.status_code,
        "detail": attempt.detail,
        "response": attempt.response,
        "now": now,
    }
    number = conn.execute(_RECORD, values).scalar_one_or_none()
    return None if number is None else int(number)


def note_success(
    conn: Connection, *, endpoint_id: int, pause: timedelta, now: datetime | None = None
) -> None:
    """Store the time of a success, and delete the stored times of failures."""
    conn.execute(_SUCCESS, {"endpoint_id": endpoint_id, "pause": pause, "now": now})


def note_failure(
    conn: Connection, *, endpoint_id: int, pause: timedelta, now: datetime | None = None
) -> datetime | None:
    """Store the time of a failure, and return this time.

    Stores nothing and returns None if a failure was stored less than `pause` ago.
    """
    values = {"endpoint_id": endpoint_id, "pause": pause, "now": now}
    found: datetime | None = conn.execute(_FAILURE, values).scalar_one_or_none()
    return found
