"""Monitoring counts endpoints by their condition, and open deliveries with the oldest event."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.webhook_totals import COUNT_MAX, EndpointCondition
from crawljobs.repository import gauges
from crawljobs.repository.webhooks import delivery_counts, event_expansion
from crawljobs.runtime.probes import webhook_gauges
from support import plans, webhook_rows
from support.webhook_rows import add_endpoint, add_events

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAGE = 200
DELIVERIES = text("""
    INSERT INTO webhook_deliveries (event_id, endpoint_id, state, ended_at)
    SELECT id, :endpoint, :state, CASE WHEN :state <> 'pending' THEN now() END
    FROM webhook_events
    """)


def test_the_limit_is_the_documented_one() -> None:
    pages = COUNT_MAX // PAGE
    assert f"LIMIT {PAGE}\n" in str(delivery_counts._COUNT)
    assert f"pages.number < {pages}\n" in str(delivery_counts._COUNT)


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


@pytest.mark.parametrize(("replays", "events"), [(1_001, 201), (COUNT_MAX, 3)])
def test_many_replays_do_not_hide_the_oldest_event(
    conn: Connection, replays: int, events: int
) -> None:
    endpoint = add_endpoint(conn, "https://hooks.example/")
    old = {"at": NOW - 9 * HOUR, "states": ("pending",)}
    webhook_rows.add_deliveries(conn, endpoint, replays, kind="replay", **old)
    assert delivery_counts.count_webhooks(conn, now=NOW).oldest_undelivered_seconds == 0
    for age, count in ((2, 1), (1, events)):
        late = {"at": NOW - age * HOUR, "states": ("pending",)}
        webhook_rows.add_deliveries(conn, endpoint, count, **late)
    assert delivery_counts.count_webhooks(conn, now=NOW).oldest_undelivered_seconds == 7200


def read_of_deliveries(conn: Connection) -> int:
    """Return the number of index entries and rows that a count reads. No plan may sort them."""
    nodes = plans.generic_plan(conn, delivery_counts._COUNT, {}, analyze=True)
    scans = [node for node in nodes if node.get("Relation Name") == "webhook_deliveries"]
    assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan"}
    names = {node["Index Name"] for node in scans}
    assert names <= {"webhook_deliveries_state_idx", "webhook_deliveries_pkey"}
    return sum(
        round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in scans
    )


def test_a_count_reads_limited_ranges_also_with_old_statistics(conn: Connection) -> None:
    quiet, busy = (add_endpoint(conn, "https://hooks.example/") for _ in range(2))
    conn.execute(
        text(
            "INSERT INTO webhook_events (type, data, expanded_at)"
            " SELECT 'job.failed', '{}', now() FROM generate_series(1, 12000)"
        )
    )
    conn.execute(DELIVERIES, {"endpoint": quiet, "state": "delivered"})
    assert read_of_deliveries(conn) == 0, "without statistics"
    conn.execute(text("ANALYZE webhook_deliveries"))
    conn.execute(DELIVERIES, {"endpoint": busy, "state": "pending"})
    for _ in range(2):
        assert delivery_counts.count_webhooks(conn, now=NOW).pending == COUNT_MAX
        # The count, and a page for the oldest event. PostgreSQL 15 reads some rows more.
        assert COUNT_MAX <= read_of_deliveries(conn) <= COUNT_MAX + 2 * PAGE
        conn.execute(text("ANALYZE webhook_deliveries"))
    conn.execute(text("UPDATE webhook_deliveries SET state = 'held' WHERE state = 'pending'"))
    found = delivery_counts.count_webhooks(conn, now=NOW)
    assert (found.pending, found.held) == (0, COUNT_MAX)
    assert COUNT_MAX <= read_of_deliveries(conn) <= COUNT_MAX + PAGE
