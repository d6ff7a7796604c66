"""A statement that bypasses SQLAlchemy, because the most frequent calls need less overhead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Insert, TextClause
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect
from sqlalchemy.exc import DBAPIError


class DriverStatement:
    """Executes a statement like `conn.execute(clause, values).all()`, but with less overhead.

    Each connection prepares the statement at its first use, except behind a pooler.
    """

    def __init__(self, clause: TextClause | Insert) -> None:
        self.clause = clause
        compiled = clause.compile(dialect=psycopg_dialect.dialect())  # type: ignore[no-untyped-call]
        self._sql = str(compiled).encode()

    def rows(self, conn: Connection, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Execute the statement and return its rows as tuples. Raises DBAPIError."""
        return self._run(conn, values).fetchall()

    def execute(self, conn: Connection, values: Mapping[str, object]) -> None:
        """Execute a statement that returns no rows. Raises DBAPIError."""
        self._run(conn, values)

    def _run(
        self, conn: Connection, values: Mapping[str, object]
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        if not conn.in_transaction():
            conn.begin()  # as SQLAlchemy itself does before each statement
        driver = cast("psycopg.Connection[tuple[Any, ...]]", conn.connection.driver_connection)
        try:
            return driver.execute(self._sql, values, prepare=True)
        except psycopg.Error as error:
            if driver.closed:
                conn.invalidate(error)  # the pool must not use the connection again
            raise self._translated(error, conn) from error

    def _translated(self, error: psycopg.Error, conn: Connection) -> DBAPIError:
        """Return the error that SQLAlchemy would raise, without the values of the parameters."""
        return cast(
            "DBAPIError",
            DBAPIError.instance(
                self._sql.decode(),
                None,
                error,
                psycopg.Error,
                hide_parameters=True,
                connection_invalidated=conn.invalidated,
                dialect=conn.dialect,
            ),
        )
