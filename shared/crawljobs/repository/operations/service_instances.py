"""Store the heartbeats of processes. They are only shown: no rule depends on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.repository.queue.queue_sql import NOW, passing_over

_SEEN = text(f"""
    INSERT INTO service_instances AS stored (name, role, version, started_at, seen_at, details)
    VALUES (:name, :role, :version, {NOW}, {NOW}, CAST(:details AS jsonb))
    ON CONFLICT (name) DO UPDATE SET
        role = excluded.role, version = excluded.version, details = excluded.details,
        started_at = CASE WHEN :starts THEN excluded.started_at ELSE stored.started_at END,
        seen_at = excluded.seen_at
    """)

_GONE = text("DELETE FROM service_instances WHERE name = :name")

_LIST = text(f"""
    SELECT instance.name, role, version, started_at, seen_at, details,
        seen_at > {NOW} - CAST(:alive_within AS interval) AS alive
    FROM service_instances AS instance
    WHERE (CAST(:role AS text) IS NULL OR role = :role)
        AND (CAST(:after AS text) IS NULL OR instance.name > :after)
    ORDER BY instance.name LIMIT :limit
    """)

_PRUNE = text(f"""
    DELETE FROM service_instances WHERE name = ANY (ARRAY(
        SELECT name FROM service_instances
        WHERE seen_at < {NOW} - CAST(:retention AS interval)
        ORDER BY seen_at LIMIT :at_most FOR UPDATE SKIP LOCKED
    ))
    """)


@dataclass(frozen=True)
class Instance:
    """A process of the services; `alive` if its last heartbeat is recent."""

    name: str
    role: str
    version: str
    started_at: datetime
    seen_at: datetime
    details: dict[str, Any]
    alive: bool


def seen(
    conn: Connection,
    *,
    name: str,
    role: str,
    version: str,
    details: Mapping[str, Any],
    starts: bool = False,
    now: datetime | None = None,
) -> None:
    """Store a heartbeat of this process; `starts` is true for its first heartbeat."""
    conn.execute(
        _SEEN,
        {
            "name": name,
            "role": role,
            "version": version,
            "details": json.dumps(dict(details)),
            "starts": starts,
            "now": now,
        },
    )


def gone(conn: Connection, *, name: str) -> None:
    """Delete the row of a process that ends normally."""
    conn.execute(_GONE, {"name": name})


def list_instances(
    conn: Connection,
    *,
    role: str | None = None,
    after: str | None = None,
    alive_within: timedelta = timedelta(seconds=60),
    limit: int = 100,
    now: datetime | None = None,
) -> list[Instance]:
    """Return at most `limit` processes, ordered by name, after the name `after`.

    A process is alive if its last heartbeat is at most `alive_within` old.
    """
    values = {
        "role": role,
        "after": after,
        "alive_within": alive_within,
        "limit": limit,
        "now": now,
    }
    return [Instance(**row._mapping) for row in conn.execute(_LIST, values)]


def prune_instances(
    conn: Connection,
    *,
    retention: timedelta,
    at_most: int = 1_000,
    skip: int = 0,
    now: datetime | None = None,
) -> int:
    """Delete processes whose last heartbeat is older than `retention`. Returns how many."""
    values = {"retention": retention, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_PRUNE, skip), values).rowcount
