"""A statement that goes to the driver as it is, for the calls that are made most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, TextClause
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect


class DriverStatement:
    """As `conn.execute(clause, values).all()`, without what SQLAlchemy does around the driver.

    Errors are the driver's own, which Database knows.
    """

    def __init__(self, clause: TextClause) -> None:
        self.clause = clause
        compiled = clause.compile(dialect=psycopg_dialect.dialect())  # type: ignore[no-untyped-call]
        self._sql = str(compiled).encode()

    def rows(self, conn: Connection, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        if not conn.in_transaction():
            conn.begin()  # as any other statement would
        driver = cast("psycopg.Connection[tuple[Any, ...]]", conn.connection.driver_connection)
        try:
            return driver.execute(self._sql, values).fetchall()
        except psycopg.Error as error:
            if driver.closed:
                conn.invalidate(error)  # the pool must not hand it out again
            raise
