"""Callbacks that run after the commit of a transaction, for example to count a metric.

A rollback discards the callbacks of the transaction (decision 39).
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

Callback = Callable[[], object]
_KEY = "crawljobs.then"


def register(conn: Connection, callback: Callback) -> None:
    """Run `callback` after the commit of the transaction that a Database began on `conn`.

    The callback must be fast, and must not raise. The rollback of a savepoint does not remove the
    callback.
    """
    conn.info.setdefault(_KEY, []).append(callback)


def pop_callbacks(conn: Connection) -> list[Callback]:
    """Remove and return the registered callbacks.

    Database also calls this function at the start of a transaction, to discard the callbacks of an
    earlier transaction that failed.
    """
    callbacks: list[Callback] = conn.info.pop(_KEY, [])
    return callbacks
