"""The database for views. The queries of a request can share one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import flask

from crawljobs.db.database import Connection, Database

T = TypeVar("T")


class RequestDatabase:
    """Wraps Database. All calls during `in_shared_transaction()` use the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def read(self) -> Iterator[Connection]:
        joined = _joined()
        if joined is not None:
            yield joined
            return
        with self._database.read() as conn:
            yield conn

    def run(self, work: Callable[[Connection], T]) -> T:
        joined = _joined()
        return self._database.run(work) if joined is None else work(joined)

    def in_shared_transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` and its database calls in one transaction.

        Runs `work` again after a deadlock, a serialization failure or a lock timeout.
        """

        def joined(conn: Connection) -> T:
            flask.g.joined_transaction = conn
            try:
                return work(conn)
            finally:
                del flask.g.joined_transaction

        return self._database.run(joined)

    def in_own_transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a separate transaction, which commits even if the request rolls back."""
        return self._database.run(work)

    def close(self) -> None:
        self._database.close()


def _joined() -> Connection | None:
    conn: Connection | None = flask.g.get("joined_transaction")
    return conn
