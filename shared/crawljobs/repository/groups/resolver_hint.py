"""Wake the resolvers of all workers by a hint. Without a hint, they run within two seconds."""

from __future__ import annotations

from sqlalchemy import Connection

from crawljobs.repository.queue.operator_change_sql import NOTIFY


def send(conn: Connection) -> None:
    """Wake the resolvers when the transaction commits."""
    conn.execute(NOTIFY)
