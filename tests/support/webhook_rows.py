"""Rows of webhooks for tests of the deliverer, and the settings that lead to local receivers."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text, update

from crawljobs.db import tables
from crawljobs.db.database import Connection, Database
from crawljobs.domain.webhook import EventType

MASTER_KEY = "q7Vd2LxN9rT4bY6hK1mW8cZ3sF5gJ0pA"
VARIABLES = {
    "WEBHOOK_MASTER_KEY": MASTER_KEY,
    "WEBHOOK_ALLOW_HTTP": "true",
    "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    "WEBHOOK_ALLOWED_PORTS": "1-65535",
    "PUBLIC_URL": "https://crawl.example.com",
}
SUCCEEDED = EventType.JOB_SUCCEEDED


def add_endpoint(conn: Connection, url: str, *events: EventType, **columns: Any) -> int:
    """Insert an endpoint that wants these events (by default job.succeeded), and return its id."""
    columns = {"created_by": "test", **columns, "url": url}
    row = insert(tables.webhook_endpoints).values(events=list(events or (SUCCEEDED,)), **columns)
    return int(conn.execute(row.returning(tables.webhook_endpoints.c.id)).scalar_one())


def add_events(
    conn: Connection, count: int = 1, *, kind: EventType = SUCCEEDED, **columns: Any
) -> list[uuid.UUID]:
    """Insert events as the transaction of a change does, and return their ids."""
    columns = {"data": {"job_id": 7, "subreddit": "cats"}, "subreddit": "cats", **columns}
    row = insert(tables.webhook_events).values(type=kind, **columns)
    event_id = tables.webhook_events.c.id
    return [conn.execute(row.returning(event_id)).scalar_one() for _ in range(count)]


def add_deliveries(
    conn: Connection,
    endpoint: int,
    count: int = 1,
    *,
    states: Sequence[str] = ("failed",),
    at: datetime,
    kind: str = "event",
) -> list[int]:
    """Add deliveries of events of the time `at`, with these states in turns. Return their ids."""
    rows = conn.execute(
        text("""
            WITH event AS (
                INSERT INTO webhook_events (type, data, created_at, expanded_at)
                SELECT 'job.failed', '{"job_id": 1}', :at, :at FROM generate_series(1, :count)
                RETURNING id, version
            ), numbered AS (SELECT id, row_number() OVER (ORDER BY version) AS n FROM event)
            INSERT INTO webhook_deliveries
                (event_id, endpoint_id, kind, state, attempts, created_at, ended_at)
            SELECT id, :endpoint, :kind, chosen.state, 10, :at,
                CASE WHEN chosen.state NOT IN ('pending', 'held') THEN now() END
            FROM numbered CROSS JOIN LATERAL (
                SELECT (CAST(:states AS text[]))[n % cardinality(CAST(:states AS text[])) + 1]
            ) AS chosen (state)
            ORDER BY n RETURNING id
            """),
        {
            "at": at,
            "count": count,
            "endpoint": endpoint,
            "states": list(states),
            "kind": kind,
        },
    )
    return [*rows.scalars()]


def change_endpoint(database: Database, endpoint_id: int, **columns: Any) -> None:
    table = tables.webhook_endpoints
    with database.begin() as conn:
        conn.execute(update(table).where(table.c.id == endpoint_id).values(**columns))


def deliveries(database: Database, **columns: Any) -> Sequence[Any]:
    """Return the deliveries with these values, in the order of their ids."""
    table = tables.webhook_deliveries
    query = select(table).filter_by(**columns).order_by(table.c.id)
    with database.read() as conn:
        return conn.execute(query).all()


def attempts(database: Database, **columns: Any) -> Sequence[Any]:
    """Return the attempts with these values, in the order of their deliveries and numbers."""
    table = tables.webhook_attempts
    query = select(table).filter_by(**columns).order_by(table.c.delivery_id, table.c.number)
    with database.read() as conn:
        return conn.execute(query).all()


def make_due(database: Database) -> None:
    """Set the time of each pending attempt that no process makes to the past."""
    table = tables.webhook_deliveries
    with database.begin() as conn:
        conn.execute(
            update(table)
            .where(table.c.state == "pending", table.c.claim_token.is_(None))
            .values(next_attempt_at=table.c.created_at)
        )
