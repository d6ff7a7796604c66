"""A delivery is not held while an attempt is made, and a ping is never held, only dropped."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.webhook import DeliveryKind
from crawljobs.repository.webhooks import (
    delivery_claim,
    delivery_holding,
    delivery_reads,
    due_deliveries,
    endpoint_changes,
    event_expansion,
    pings,
)
from crawljobs.repository.webhooks.replays import delivery_replay
from support.webhook_rows import add_endpoint, add_events

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
LEASE = timedelta(seconds=20)


def test_a_claimed_delivery_is_held_after_its_lease(conn: Connection) -> None:
    endpoint = add_endpoint(conn, "https://hooks.example/", created_at=NOW - LEASE)
    add_events(conn, 3, created_at=NOW - LEASE)
    event_expansion.expand(conn, now=NOW - LEASE)
    claimed = delivery_claim.claim(conn, shares={endpoint: 1}, per_endpoint=4, lease=LEASE, now=NOW)
    assert len(claimed) == 1
    newest = "SELECT max(id) FROM webhook_deliveries"
    conn.execute(text(f"UPDATE webhook_deliveries SET kind = 'ping' WHERE id = ({newest})"))
    conn.execute(
        text(
            "UPDATE webhook_endpoints"
            " SET state = 'disabled', disabled_reason = 'operator', disabled_at = now()"
        )
    )
    assert delivery_holding.settle(conn, now=NOW).held == 1
    assert delivery_holding.settle(conn, now=NOW + LEASE).held == 1
    assert delivery_holding.settle(conn, now=NOW + LEASE).held == 0


def test_the_ping_of_a_deleted_endpoint_is_dropped(conn: Connection) -> None:
    endpoint = add_endpoint(conn, "https://hooks.example/", created_at=NOW - LEASE)
    ping = pings.ping(conn, endpoint_id=endpoint, now=NOW)
    endpoint_changes.remove(conn, endpoint_id=endpoint)
    assert delivery_claim.claim_pings(conn, at_most=4, lease=LEASE, now=NOW) == []
    assert delivery_holding.settle(conn, now=NOW).dropped == 1
    found = delivery_reads.get(conn, delivery_id=ping)
    assert found is not None
    assert found.delivery.state == "dropped"
    assert not due_deliveries.waiting_work(conn, now=NOW + LEASE).pings


def test_a_replayed_ping_is_attempted_once(conn: Connection) -> None:
    endpoint = add_endpoint(conn, "https://hooks.example/", created_at=NOW - LEASE)
    ping = pings.ping(conn, endpoint_id=endpoint, now=NOW)
    conn.execute(text("UPDATE webhook_deliveries SET state = 'failed', ended_at = now()"))
    assert delivery_replay.replay(conn, delivery_id=ping, endpoint_id=endpoint, now=NOW)
    claimed = delivery_claim.claim_pings(conn, at_most=4, lease=LEASE, now=NOW)
    assert [(each.id, each.kind) for each in claimed] == [(ping, DeliveryKind.PING)]
