"""Callbacks that run after the commit of a transaction, such as the count of a metric.

A rollback discards them. Decision 39.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

Callback = Callable[[], object]
_KEY = "crawljobs.then"


def register(conn: Connection, callback: Callback) -> None:
    """Run `callback` after the commit of the Database's transaction. It must be fast and not fail.

    The rollback of a savepoint does not remove it.
    """
    conn.info.setdefault(_KEY, []).append(callback)


def pop_callbacks(conn: Connection) -> list[Callback]:
    """Remove and return the registered callbacks.

    Database also calls this at the start of a transaction, to discard the callbacks of a
    transaction that failed.
    """
    callbacks: list[Callback] = conn.info.pop(_KEY, [])
    return callbacks
