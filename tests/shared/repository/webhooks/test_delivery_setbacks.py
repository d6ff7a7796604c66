"""After the database's clock was set back, deliveries and events of webhooks go on."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.webhook import DeliveryState
from crawljobs.repository.webhooks import (
    attempt_recording,
    delivery_claim,
    delivery_setbacks,
    due_deliveries,
    event_expansion,
    interrupted_attempts,
)
from crawljobs.repository.webhooks.attempt_recording import FinishedAttempt
from support.clock_setbacks import SETBACKS
from support.jobs import T0
from support.webhook_rows import add_endpoint, add_events

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LEASE = timedelta(seconds=21)
FAILED = FinishedAttempt(duration=timedelta(seconds=1), result="http_error", status_code=500)


def claim(conn: Connection, endpoint: int, now: datetime, share: int = 4) -> list[Any]:
    shares = {endpoint: share}
    return delivery_claim.claim(conn, shares=shares, per_endpoint=4, lease=LEASE, now=now)


def fail(conn: Connection, claimed: Any, now: datetime) -> None:
    attempt_recording.record(
        conn,
        delivery_id=claimed.id,
        token=claimed.token,
        attempt=FAILED,
        state=DeliveryState.PENDING,
        delay=24 * HOUR,
        now=now,
    )


def mend(conn: Connection, now: datetime) -> int:
    return delivery_setbacks.mend(conn, lease=LEASE, now=now)


@pytest.mark.parametrize("setback", SETBACKS)
def test_new_claimed_and_failed_deliveries_go_on_after_a_setback(
    conn: Connection, setback: timedelta
) -> None:
    endpoint = add_endpoint(conn, "https://hooks.example/", created_at=T0 - 500 * 24 * HOUR)
    add_events(conn, 6, created_at=T0)
    event_expansion.expand(conn, now=T0)
    running, failed = claim(conn, endpoint, T0, 1), claim(conn, endpoint, T0, 1)
    fail(conn, failed[0], T0)
    now = T0 - setback
    assert not due_deliveries.waiting_work(conn, now=now).deliveries
    assert mend(conn, now) == 6
    assert mend(conn, now) == 0
    assert len(interrupted_attempts.record(conn, lease=LEASE, now=now)) == 1
    [due] = due_deliveries.due_endpoints(conn, per_endpoint=10, now=now)
    assert (due.running, due.due) == (0, 6)
    again = claim(conn, endpoint, now)
    assert len(again) == 4
    assert running[0].id in {each.id for each in again}
    fail(conn, again[0], now)
    assert mend(conn, now) == 0, "the delay after an attempt since the setback stays"


def test_an_endpoint_gets_the_events_after_a_setback(conn: Connection) -> None:
    endpoint = add_endpoint(
        conn, "https://hooks.example/", created_at=T0, first_failure_at=T0, last_failure_at=T0
    )
    now = T0 - HOUR
    assert mend(conn, now) == 1
    assert mend(conn, now) == 0
    add_events(conn, created_at=now)
    event_expansion.expand(conn, now=now)
    assert len(claim(conn, endpoint, now)) == 1
    later = now + MINUTE
    assert attempt_recording.note_failure(conn, endpoint_id=endpoint, pause=LEASE, now=later)


def test_times_that_are_not_too_late_stay(conn: Connection) -> None:
    add_endpoint(conn, "https://hooks.example/", created_at=T0 - HOUR)
    add_events(conn, 4, created_at=T0 - HOUR)
    event_expansion.expand(conn, now=T0 - HOUR)
    longest = {"longest": T0 + delivery_setbacks.LONGEST_DELAY}
    conn.execute(text("UPDATE webhook_deliveries SET next_attempt_at = :longest"), longest)
    assert mend(conn, T0) == 0
    assert mend(conn, T0 - 3 * MINUTE) == 4
