"""The statements of the deliverer use indexes and read few rows, beside a large backlog."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import TextClause, text

from crawljobs.db.database import Database
from crawljobs.repository.webhooks import (
    attempt_recording,
    delivery_claim,
    delivery_counts,
    delivery_setbacks,
    disabled_event,
    due_deliveries,
    event_expansion,
    interrupted_attempts,
    stored_bodies,
)
from support import plans
from support.databases import Databases

TOKEN = uuid.UUID(int=1)
LEASE = timedelta(seconds=20)
CLOCK = {"margin": LEASE, "at_most": 500, "now": None}
OF_ENDPOINT = {"endpoint_id": 1, "pause": LEASE, "now": None}
MODULES = (
    attempt_recording,
    delivery_claim,
    delivery_counts,
    delivery_setbacks,
    disabled_event,
    due_deliveries,
    event_expansion,
    interrupted_attempts,
    stored_bodies,
)
STATEMENTS: dict[str, tuple[TextClause, dict[str, Any]]] = {
    "event_expansion._EXPAND": (event_expansion._EXPAND, {"at_most": 200, "now": None}),
    "delivery_claim._LOCK": (delivery_claim._LOCK, {"endpoints": [1, 2]}),
    "due_deliveries._WAITING": (due_deliveries._WAITING, {"now": None}),
    "due_deliveries._DUE": (due_deliveries._DUE, {"per_endpoint": 4, "now": None}),
    "delivery_claim._CLAIM": (
        delivery_claim._CLAIM,
        {
            "endpoints": [1, 2],
            "shares": [4, 4],
            "per_endpoint": 4,
            "token": TOKEN,
            "lease": LEASE,
            "now": None,
        },
    ),
    "interrupted_attempts._RECORD": (
        interrupted_attempts._RECORD,
        {"lease": LEASE, "pause": LEASE, "most": 10, "at_most": 500, "now": None},
    ),
    "interrupted_attempts._RELEASE": (
        interrupted_attempts._RELEASE,
        {"ids": [1], "tokens": [TOKEN], "lease": LEASE, "detail": "stopped", "now": None},
    ),
    "delivery_claim._PINGS": (
        delivery_claim._PINGS,
        {"at_most": 4, "token": TOKEN, "lease": LEASE, "now": None},
    ),
    "delivery_claim._CLAIMED": (delivery_claim._CLAIMED, {"ids": [1, 2], "now": None}),
    "stored_bodies._KEEP": (stored_bodies._KEEP, {"id": TOKEN, "body": "{}"}),
    "stored_bodies._STORED": (stored_bodies._STORED, {"ids": [TOKEN]}),
    "attempt_recording._RECORD": (
        attempt_recording._RECORD,
        {
            "delivery_id": 1,
            "token": TOKEN,
            "state": "pending",
            "delay": LEASE,
            "duration": LEASE,
            "result": "timeout",
            "status_code": None,
            "detail": None,
            "response": None,
            "now": None,
        },
    ),
    "attempt_recording._SUCCESS": (attempt_recording._SUCCESS, OF_ENDPOINT),
    "attempt_recording._FAILURE": (attempt_recording._FAILURE, OF_ENDPOINT),
    "delivery_counts._COUNT": (delivery_counts._COUNT, {}),
    "delivery_counts._OLDEST_NEW": (delivery_counts._OLDEST_NEW, {"now": None}),
    "delivery_setbacks._ENDPOINTS": (delivery_setbacks._ENDPOINTS, {"margin": LEASE, "now": None}),
    "delivery_setbacks._LEASES": (delivery_setbacks._LEASES, {**CLOCK, "lease": LEASE}),
    "delivery_setbacks._OF_LATE_EVENTS": (delivery_setbacks._OF_LATE_EVENTS, CLOCK),
    "delivery_setbacks._LATE": (
        delivery_setbacks._LATE,
        {"longest": LEASE, "at_most": 500, "now": None},
    ),
    "disabled_event._WRITE": (
        disabled_event._WRITE,
        {"endpoint_id": 1, "data": {"webhook_id": 1}, "now": None},
    ),
}
ROWS = """
    INSERT INTO webhook_endpoints (url, events, created_by)
    SELECT 'https://hooks.example', ARRAY['job.failed'], 'test' FROM generate_series(1, 3);
    INSERT INTO webhook_events (type, data, expanded_at)
    SELECT 'job.failed', '{}', now() FROM generate_series(1, 2000);
    INSERT INTO webhook_deliveries (event_id, endpoint_id, state, ended_at)
    SELECT event.id, endpoint.id,
        CASE endpoint.id WHEN 1 THEN 'pending' ELSE 'delivered' END,
        CASE endpoint.id WHEN 1 THEN NULL ELSE now() END
    FROM webhook_events event, webhook_endpoints endpoint;
    ANALYZE webhook_events, webhook_deliveries
    """


@pytest.fixture(scope="module")
def crowded(databases: Databases) -> Iterator[Database]:
    """Yield a database with 2,000 events and 6,000 deliveries of 3 endpoints; 2,000 are due."""
    with databases.clone() as url:
        database = Database(url, pool_size=2)
        with database.begin() as conn:
            for statement in ROWS.split(";"):
                conn.execute(text(statement))
        try:
            yield database
        finally:
            database.close()


def test_every_statement_of_the_deliverer_is_looked_at() -> None:
    assert set(plans.text_statements(MODULES)) == set(STATEMENTS)


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_no_statement_reads_the_backlog(crowded: Database, name: str) -> None:
    statement, values = STATEMENTS[name]
    with crowded.begin() as conn:
        found = plans.generic_plan(conn, statement, values)
        large = {"webhook_events", "webhook_deliveries", "webhook_attempts"}
        assert large.isdisjoint(plans.tables_scanned(found))
        for table in ("webhook_events", "webhook_deliveries"):
            most = 4_000 if statement is delivery_counts._COUNT else 20
            assert plans.rows_read(conn, statement, values, table=table) <= most, table
        conn.rollback()
