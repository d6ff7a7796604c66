"""Repair times of webhooks that are too late because the database's clock was set back.

Without the repair, a delivery would wait until the clock reaches its stored time again. An endpoint
would get no event until the clock reaches the stored time of its creation.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.domain import webhook_retry

CHUNK = 500  # limit of the deliveries of each kind that one call repairs
MARGIN = timedelta(minutes=1)  # a stored time that is too late by less than this needs no repair
# Jitter makes the longest delay longer, and Retry-After can double it. Replays are due 0.1 s apart.
# If an endpoint has over 2 million replays, the last replays are due later than LONGEST_DELAY from
# now. `mend` then makes these replays due at once.
LONGEST_DELAY = 2 * (1 + webhook_retry.JITTER) * max(webhook_retry.DELAYS)

# The statement needs no LIMIT, because at most 50 endpoints exist. While last_failure_at is in the
# future, new failures are not recorded.
_ENDPOINTS = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now)
    UPDATE webhook_endpoints
    SET created_at = least(created_at, (SELECT now FROM clock)),
        last_success_at = least(last_success_at, (SELECT now FROM clock)),
        first_failure_at = least(first_failure_at, (SELECT now FROM clock)),
        last_failure_at = least(last_failure_at, (SELECT now FROM clock))
    WHERE greatest(created_at, last_success_at, first_failure_at, last_failure_at)
        > (SELECT now FROM clock) + CAST(:margin AS interval)
    """)

# Ends the leases whose ends are too far in the future, and makes their deliveries due. If an
# attempt is still running, its delivery is sent a second time at worst, with the same id.
_LEASES = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now)
    UPDATE webhook_deliveries
    SET lease_until = (SELECT now FROM clock), next_attempt_at = (SELECT now FROM clock)
    WHERE id = ANY (ARRAY(
        SELECT id FROM webhook_deliveries
        WHERE claim_token IS NOT NULL
            AND lease_until > (SELECT now FROM clock) + CAST(:lease AS interval)
                + CAST(:margin AS interval)
        LIMIT :at_most FOR NO KEY UPDATE SKIP LOCKED
    ))
    """)

# Deliveries of events whose times are in the future, because the clock was set back. Two kinds of
# these deliveries become due:
#
# - Deliveries without an attempt, except replays, which keep their pace.
# - Deliveries whose latest attempt is in the future too. If the latest attempt began after the
#   clock was set back, next_attempt_at is already correct.
_OF_LATE_EVENTS = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now)
    UPDATE webhook_deliveries SET next_attempt_at = (SELECT now FROM clock)
    WHERE id = ANY (ARRAY(
        SELECT delivery.id
        FROM webhook_events AS event CROSS JOIN LATERAL (
            SELECT id FROM webhook_deliveries AS late
            WHERE event_id = event.id AND state = 'pending' AND claim_token IS NULL
                AND next_attempt_at > (SELECT now FROM clock) + CAST(:margin AS interval)
                AND CASE WHEN attempts = attempts_before THEN kind <> 'replay' ELSE EXISTS (
                    SELECT FROM webhook_attempts
                    WHERE delivery_id = late.id AND number = late.attempts
                        AND started_at > (SELECT now FROM clock) + CAST(:margin AS interval)
                ) END
            LIMIT 100 FOR NO KEY UPDATE SKIP LOCKED
        ) AS delivery
        WHERE event.created_at > (SELECT now FROM clock) + CAST(:margin AS interval)
            AND event.expanded_at IS NOT NULL
        ORDER BY event.created_at LIMIT :at_most
    ))
    """)

# Deliveries whose next attempt is later than the longest possible delay. For each endpoint, the
# index of due deliveries is read backwards from the latest due time.
_LATE = text("""
    WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS now)
    UPDATE webhook_deliveries SET next_attempt_at = (SELECT now FROM clock)
    WHERE id = ANY (ARRAY(
        SELECT delivery.id
        FROM webhook_endpoints AS endpoint CROSS JOIN LATERAL (
            SELECT id FROM webhook_deliveries
            WHERE endpoint_id = endpoint.id AND state = 'pending' AND claim_token IS NULL
                AND next_attempt_at > (SELECT now FROM clock) + CAST(:longest AS interval)
            ORDER BY next_attempt_at DESC LIMIT :at_most FOR NO KEY UPDATE SKIP LOCKED
        ) AS delivery
        LIMIT :at_most
    ))
    """)


def mend(
    conn: Connection, *, lease: timedelta, at_most: int = CHUNK, now: datetime | None = None
) -> int:
    """Repair the times of endpoints and deliveries. Return the number of changed rows.

    Some stored times are too late. `mend` replaces each of them by the present time.

    `lease` is the length of the lease of a claim. One call changes at most `at_most` deliveries of
    each kind, and passes over deliveries that another transaction has locked.
    """
    values = {
        "now": now,
        "margin": MARGIN,
        "lease": lease,
        "longest": LONGEST_DELAY + MARGIN,
        "at_most": at_most,
    }
    mended = 0
    for statement in (_ENDPOINTS, _LEASES, _OF_LATE_EVENTS, _LATE):
        used = {name: value for name, value in values.items() if ":" + name in statement.text}
        mended += conn.execute(statement, used).rowcount
    return mended
