"""Count the live processes by service and version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from crawljobs.db.tables import service_instances
from crawljobs.repository.gauges import ALIVE_WITHIN
from crawljobs.repository.sql import NOW, inline_number, interval

GROUPS_MAX = 100  # limit of the pairs of service and version

_instance = service_instances.c
ALIVE = (
    select(_instance.role, _instance.version, func.count().label("processes"))
    .where(_instance.seen_at > NOW - interval("alive_within"))
    .group_by(_instance.role, _instance.version)
    .order_by(_instance.role, _instance.version)
    .limit(inline_number(GROUPS_MAX))
)


@dataclass(frozen=True)
class LiveProcesses:
    """The number of processes of a service that have the same version and a recent heartbeat."""

    role: str
    version: str
    processes: int


def count_alive(conn: Connection, *, now: datetime | None = None) -> Sequence[LiveProcesses]:
    """Count the processes whose last heartbeat is at most ALIVE_WITHIN old."""
    rows = conn.execute(ALIVE, {"now": now, "alive_within": ALIVE_WITHIN})
    return [LiveProcesses(**row._mapping) for row in rows]
