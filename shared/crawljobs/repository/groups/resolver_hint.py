"""Wake the resolvers of all workers. Without the hint, they run within two seconds."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from crawljobs.repository.queue.queue_sql import CHANNEL
from crawljobs.repository.sql import inline

_NOTIFY = select(func.pg_notify(inline(CHANNEL), inline("")))


def send(conn: Connection) -> None:
    """Wake the resolvers when the transaction commits."""
    conn.execute(_NOTIFY)
