"""A delivery whose sender dies again and again ends, and other attempts keep their number."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.webhook import AttemptResult, DeliveryState
from crawljobs.domain.webhook_retry import INTERRUPTION_PAUSE, INTERRUPTIONS_MAX
from crawljobs.repository.webhooks import (
    attempt_recording,
    delivery_claim,
    event_expansion,
    interrupted_attempts,
    pings,
)
from crawljobs.repository.webhooks.attempt_recording import FinishedAttempt
from crawljobs.repository.webhooks.delivery_claim import ClaimedDelivery
from crawljobs.repository.webhooks.replays import delivery_replay
from support.webhook_rows import add_endpoint, add_events

LEASE = timedelta(seconds=20)
NOW = datetime(2031, 5, 17, 12, tzinfo=UTC)
ERROR = FinishedAttempt(timedelta(seconds=1), AttemptResult.HTTP_ERROR, 500)


@pytest.fixture
def endpoint(conn: Connection) -> int:
    return add_endpoint(conn, "https://hooks.example/", created_at=NOW)


def claim(conn: Connection, endpoint: int, now: datetime) -> ClaimedDelivery:
    """Claim the only delivery, which must be due."""
    (found,) = delivery_claim.claim(
        conn, shares={endpoint: 1}, per_endpoint=4, lease=LEASE, now=now
    )
    return found


def row(conn: Connection) -> tuple[str, int, datetime]:
    found = conn.execute(text("SELECT state, attempts, next_attempt_at FROM webhook_deliveries"))
    return tuple(found.one())  # type: ignore[return-value]


def test_a_delivery_that_kills_each_sender_fails_after_a_limit(
    conn: Connection, endpoint: int
) -> None:
    add_events(conn, created_at=NOW)
    event_expansion.expand(conn, now=NOW)
    now, waits = NOW, []
    for number in range(1, INTERRUPTIONS_MAX + 1):
        claimed = claim(conn, endpoint, now)
        assert (claimed.attempts, claimed.interruptions) == (0, number - 1)
        assert interrupted_attempts.record(conn, lease=LEASE, now=now) == [], "the lease runs"
        now += LEASE
        (found,) = interrupted_attempts.record(conn, lease=LEASE, now=now)
        assert (found.times, found.has_failed) == (number, number == INTERRUPTIONS_MAX)
        state, attempts, due = row(conn)
        assert attempts == number
        waits.append(due - now)
        now = due
    assert state == DeliveryState.FAILED
    assert waits[0] == timedelta(0), "an interrupted attempt is made again at once"
    assert all(wait <= place * INTERRUPTION_PAUSE for place, wait in enumerate(waits))
    assert max(waits) > timedelta(seconds=1)
    (delivery_id,) = conn.execute(text("SELECT id FROM webhook_deliveries")).scalars()
    assert delivery_replay.replay(conn, delivery_id=delivery_id, endpoint_id=endpoint, now=now)
    again = claim(conn, endpoint, now)
    assert (again.attempts, again.interruptions) == (0, 0), "a replay begins from 0"


def test_interruptions_take_no_attempt_of_the_receiver(conn: Connection, endpoint: int) -> None:
    add_events(conn, created_at=NOW)
    event_expansion.expand(conn, now=NOW)
    now = NOW
    for failures in range(3):
        claim(conn, endpoint, now)
        now += LEASE
        interrupted_attempts.record(conn, lease=LEASE, now=now)
        now = row(conn)[2]
        claimed = claim(conn, endpoint, now)
        assert (claimed.attempts, claimed.interruptions) == (failures, failures + 1)
        attempt_recording.record(
            *(conn,),
            delivery_id=claimed.id,
            token=claimed.token,
            attempt=ERROR,
            state=DeliveryState.PENDING,
            now=now,
        )
    results = conn.execute(text("SELECT result FROM webhook_attempts ORDER BY number")).scalars()
    assert [*results] == ["interrupted", "http_error"] * 3


def test_a_shutdown_does_not_count_towards_the_limit(conn: Connection, endpoint: int) -> None:
    add_events(conn, created_at=NOW)
    event_expansion.expand(conn, now=NOW)
    for number in range(INTERRUPTIONS_MAX + 2):
        claimed = claim(conn, endpoint, NOW)
        assert (claimed.attempts, claimed.interruptions) == (0, number)
        interrupted_attempts.release(
            conn, claims=[(claimed.id, claimed.token)], lease=LEASE, now=NOW
        )
    claim(conn, endpoint, NOW)
    (found,) = interrupted_attempts.record(conn, lease=LEASE, now=NOW + LEASE)
    assert (found.times, found.has_failed) == (1, False)
    shown = conn.execute(text("SELECT DISTINCT detail FROM webhook_attempts")).scalars()
    assert {*shown} == {interrupted_attempts.STOPPED, None}


@pytest.mark.parametrize("stopped", [False, True])
def test_an_interrupted_ping_fails(conn: Connection, endpoint: int, stopped: bool) -> None:
    pings.ping(conn, endpoint_id=endpoint, now=NOW)
    (claimed,) = delivery_claim.claim_pings(conn, at_most=4, lease=LEASE, now=NOW)
    if stopped:
        interrupted_attempts.release(
            conn, claims=[(claimed.id, claimed.token)], lease=LEASE, now=NOW
        )
    else:
        interrupted_attempts.record(conn, lease=LEASE, now=NOW + LEASE)
    assert row(conn)[:2] == (DeliveryState.FAILED, 1)
