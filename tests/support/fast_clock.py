"""A database whose clock runs many times faster. Processes that use this clock need no change.

All waits that the database's clock measures become shorter, also those without a setting: outages,
deferrals, checks of unreadable subreddits and missing parts, schedules, and retries. Waits by a
process's monotonic clock stay as long as before. These are sleeps, which settings control, and the
lease, which keeps its length in real time.
"""

from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

_INSTALL = """
    CREATE SCHEMA fast;
    CREATE TABLE fast.clock (began timestamptz NOT NULL, shown timestamptz NOT NULL, rate float);
    CREATE FUNCTION fast.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
        'SELECT shown + (pg_catalog.clock_timestamp() - began) * rate FROM fast.clock';
    CREATE FUNCTION fast.keep_lease() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.lease_expires_at IS DISTINCT FROM OLD.lease_expires_at THEN
            NEW.lease_expires_at := fast.clock_timestamp() + (SELECT rate FROM fast.clock)
                * (NEW.lease_expires_at - fast.clock_timestamp());
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER keep_lease BEFORE UPDATE ON crawl_jobs
        FOR EACH ROW WHEN (NEW.lease_expires_at IS NOT NULL) EXECUTE FUNCTION fast.keep_lease();
    """
# Selects statements that change the defaults of columns. The old defaults use the server's own
# function, because they were bound to that function when the tables were created.
_DEFAULTS = """
    SELECT format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT fast.clock_timestamp()',
        adrelid::regclass, attname)
    FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
    WHERE pg_get_expr(adbin, adrelid) = 'clock_timestamp()'
    """


class FastClock:
    """Installs the fast clock in a database. Sessions that began earlier keep the real time."""

    def __init__(self, url: str, *, now: datetime, rate: float) -> None:
        self._sql: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(url, autocommit=True)
        self._sql.execute(_INSTALL)
        for (statement,) in self._sql.execute(_DEFAULTS).fetchall():
            self._sql.execute(statement)
        name = sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
        self._sql.execute(
            sql.SQL("ALTER DATABASE {} SET search_path = fast, pg_catalog, public").format(name)
        )
        self._sql.execute(
            "INSERT INTO fast.clock VALUES (pg_catalog.clock_timestamp(), %s, %s)", [now, rate]
        )

    def now(self) -> datetime:
        row = self._sql.execute("SELECT fast.clock_timestamp()").fetchone()
        assert row
        found: datetime = row[0]
        return found.astimezone(UTC)

    def close(self) -> None:
        self._sql.close()
