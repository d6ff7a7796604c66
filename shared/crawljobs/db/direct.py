"""A connection that bypasses the pooler. Lease extensions and LISTEN use it."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import psycopg
import sqlalchemy
from psycopg import sql
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from crawljobs import errors
from crawljobs.db import database, failures


class DirectConnection:
    """A connection in autocommit mode that waits at most `deadline_seconds` for each reply.

    If a reply is late, the connection closes and the call raises DatabaseUnavailable.
    """

    def __init__(self, url: str, *, application_name: str, deadline_seconds: float) -> None:
        with _translated():
            self._engine = sqlalchemy.create_engine(
                "postgresql+psycopg://",
                creator=lambda: database.connect(
                    url, application_name, reply_seconds=deadline_seconds
                ),
                poolclass=sqlalchemy.NullPool,
                isolation_level="AUTOCOMMIT",
                hide_parameters=True,
            )
            self._conn = self._engine.connect()
        raw = self._conn.connection.driver_connection
        self._driver = cast("psycopg.Connection[tuple[object, ...]]", raw)

    @contextmanager
    def call(self) -> Iterator[Connection]:
        """Yield the connection for one statement. Raises DatabaseUnavailable."""
        with _translated():
            yield self._conn
            self._conn.commit()  # ends SQLAlchemy's transaction; autocommit mode sends no COMMIT

    def listen(self, channel: str) -> None:
        """Subscribe to the notifications of this channel."""
        with self.call():
            self._driver.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))

    def wait(self, seconds: float, *, wake: int) -> bool:
        """Wait for a notification, but not longer than `seconds`.

        The wait also ends when the file descriptor `wake` becomes readable. Returns whether a
        notification arrived.
        """
        with _translated():
            ready, _, _ = select.select([self._driver.fileno(), wake], [], [], max(0.0, seconds))
            if wake in ready:
                os.read(wake, 4096)
            if self._driver.fileno() not in ready:
                return False
            return any(True for _ in self._driver.notifies(timeout=0))

    def close(self) -> None:
        """Close the connection."""
        self._conn.invalidate()  # closes the socket without a round trip
        self._conn.close()
        self._engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        failures.count(error)
        if failures.may_pass(error):
            raise errors.DatabaseUnavailable(failures.describe(error)) from error
        raise
    except (OSError, ValueError) as error:  # select() fails if the socket was closed meanwhile
        raise errors.DatabaseUnavailable(
            f"the connection broke ({type(error).__name__})"
        ) from error
