"""Monitoring counts endpoints by their condition, and open deliveries with the oldest event."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.webhook_totals import COUNT_MAX, EndpointCondition
from crawljobs.repository import gauges
from crawljobs.repository.webhooks import delivery_counts, event_expansion
from crawljobs.runtime.probes import webhook_gauges
from support.webhook_rows import add_endpoint, add_events

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_limit_is_the_documented_one() -> None:
    assert str(delivery_counts._COUNT).count(f"LIMIT {COUNT_MAX}\n") == 2


def test_endpoints_and_open_deliveries_are_counted(conn: Connection) -> None:
    disabled = {"state": "disabled", "disabled_at": NOW, "created_at": NOW - 9 * HOUR}
    url = "https://hooks.example/"
    assert delivery_counts.count_webhooks(conn, now=NOW).oldest_undelivered_seconds == 0
    add_endpoint(conn, url, created_at=NOW - 9 * HOUR)
    for reason in ("operator", "gone", "failing"):
        add_endpoint(conn, url, disabled_reason=reason, **disabled)
    add_events(conn, 2, created_at=NOW - 3 * HOUR)
    event_expansion.expand(conn, now=NOW - 2 * HOUR)
    add_events(conn, created_at=NOW - HOUR)
    found = delivery_counts.count_webhooks(conn, now=NOW)
    assert found.endpoints == dict.fromkeys(EndpointCondition, 1)
    assert (found.pending, found.held) == (2, 4)
    assert found.oldest_undelivered_seconds == 7200
    conn.execute(text("UPDATE webhook_deliveries SET kind = 'replay'"))
    assert delivery_counts.count_webhooks(conn, now=NOW).oldest_undelivered_seconds == 3600
    assert gauges.read_gauges(conn, now=NOW).webhooks.held == 4
    shown = {
        (family.name, *sample.labels.values()): sample.value
        for family in webhook_gauges.families(found)
        for sample in family.samples
    }
    assert shown == {
        **{("crawl_webhook_endpoints", condition): 1 for condition in EndpointCondition},
        ("crawl_webhook_deliveries", "pending"): 2,
        ("crawl_webhook_deliveries", "held"): 4,
        ("crawl_webhook_oldest_undelivered_seconds",): 7200,
    }
