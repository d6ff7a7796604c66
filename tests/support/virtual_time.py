"""A database whose clock a test sets. Processes that use this clock need no change.

In the search path of each session, a function `clock_timestamp` hides the server's own function.
"""

from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

INSTALL = """
    CREATE SCHEMA virtual;
    CREATE TABLE virtual.clock (now timestamptz NOT NULL);
    CREATE FUNCTION virtual.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
        AS 'SELECT now FROM virtual.clock';
    """


class VirtualClock:
    """Installs the clock in a database. Sessions that began earlier keep the real time."""

    def __init__(self, url: str, *, now: datetime) -> None:
        self._sql: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(url, autocommit=True)
        self._sql.execute(INSTALL)
        self._sql.execute("INSERT INTO virtual.clock VALUES (%s)", [now])
        self._sql.execute(
            sql.SQL("ALTER DATABASE {} SET search_path = virtual, pg_catalog, public").format(
                sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
            )
        )

    def now(self) -> datetime:
        row = self._sql.execute("SELECT now FROM virtual.clock").fetchone()
        assert row
        found: datetime = row[0]
        return found.astimezone(UTC)

    def set(self, now: datetime) -> None:
        self._sql.execute("UPDATE virtual.clock SET now = %s", [now])

    def close(self) -> None:
        self._sql.close()
