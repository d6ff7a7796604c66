"""The database as views see it: inside a request that must be one transaction, they share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import flask

from crawljobs.db.database import Connection, Database

T = TypeVar("T")


class RequestDatabase:
    """`read()` and `run()` as those of Database; within `together()` they join its transaction."""

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

    def together(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, and all that views do in it, in one transaction; again on conflicts."""

        def joined(conn: Connection) -> T:
            flask.g.joined_transaction = conn
            try:
                return work(conn)
            finally:
                del flask.g.joined_transaction

        return self._database.run(joined)

    def apart(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own, whatever becomes of the request's."""
        return self._database.run(work)

    def close(self) -> None:
        self._database.close()


def _joined() -> Connection | None:
    conn: Connection | None = flask.g.get("joined_transaction")
    return conn
