"""Check the addresses of the demo's database, and read the revision of the database's schema."""

import os
from collections.abc import Mapping

import psycopg

from crawljobs import settings
from crawljobs.db import character_set, driver_errors
from crawljobs.errors import SettingsError, UnusableDatabase
from onebox.demo_errors import PostgresError

OLDEST = 15  # the oldest supported major version of PostgreSQL
CONNECT_SECONDS = 5


def given_addresses(variables: Mapping[str, str]) -> tuple[str, str]:
    """Return the database addresses that the user has set, or two empty texts.

    The variables are DATABASE_URL and DATABASE_DIRECT_URL, or the same names with _FILE. Raises
    PostgresError for a wrong setting.
    """
    if not any(variables.get(name, "").strip() for name in ("DATABASE_URL", "DATABASE_URL_FILE")):
        return "", ""
    try:
        address = settings.read_database_settings(variables)
    except SettingsError as error:
        raise PostgresError(str(error)) from error
    return address.url, address.direct_url


def refuse_unusable(url: str, setting: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            version = connection.info.server_version // 10_000
            character_set.check(connection)
    except UnusableDatabase as error:
        raise PostgresError(f"{setting}: {error}") from error
    except psycopg.Error as error:
        raise PostgresError(f"{setting} cannot be used: {sentence(error)}") from error
    if version < OLDEST:
        raise PostgresError(
            f"{setting} leads to PostgreSQL {version}: {OLDEST} or later is needed."
        )


def unset_client_variables() -> None:
    """Unset PGSSLMODE and all other variables of libpq.

    The user has set these variables for other servers, not for the demo's own server.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def revision(url: str) -> str:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        return "none"
    except psycopg.Error as error:
        raise PostgresError(f"The database cannot be read: {sentence(error)}") from error
    return str(row[0]) if row else "none"


def sentence(error: psycopg.Error) -> str:
    return driver_errors.sentence(error)
