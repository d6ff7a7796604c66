"""Receive the hints that a transaction sends to idle workers."""

from collections.abc import Callable

from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.repository.queue import queue_sql

_END = "the end"


def heard(database: Database, act: Callable[[Connection], object]) -> list[str]:
    """Run `act` in a transaction, and return the payloads of the hints that its commit sends."""
    found: list[str] = []
    with database.begin() as listener:
        raw = listener.connection.driver_connection
        assert raw is not None
        listener.execute(text(f"LISTEN {queue_sql.CHANNEL}"))
        listener.commit()
        with database.begin() as conn:
            act(conn)
            conn.execute(text(f"NOTIFY {queue_sql.CHANNEL}, '{_END}'"))
        for note in raw.notifies(timeout=10):
            if note.payload == _END:
                break
            found.append(note.payload)
    return found
