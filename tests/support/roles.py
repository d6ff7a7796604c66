"""Separate database roles for a test, on the server that all tests share."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from crawljobs.db.administration import grants, roles
from crawljobs.db.database import Database
from support.databases import Databases


@dataclass(frozen=True)
class Roles:
    """The roles with this prefix. `url` connects to the database as the user of the test run."""

    url: str
    prefix: str
    password: str

    def url_as(self, kind: str) -> str:
        parts = conninfo_to_dict(self.url)
        host, port = str(parts["host"]), int(parts["port"] or 5432)
        own = URL.create(
            "postgresql", f"{self.prefix}_{kind}", self.password, host, port, str(parts["dbname"])
        )
        return own.render_as_string(hide_password=False)

    def set_up(self) -> list[str]:
        database = Database(self.url, pool_size=1)
        passwords = dict.fromkeys(grants.ROLES, self.password)
        try:
            return roles.set_up(database, prefix=self.prefix, passwords=passwords)
        finally:
            database.close()


@contextlib.contextmanager
def prefix_of_ones_own(databases: Databases) -> Iterator[str]:
    """Yield a new prefix for roles, and drop the roles with this prefix at the end.

    Databases in which the roles have rights must be dropped earlier.
    """
    prefix = f"crawltest_{databases.run}_{secrets.token_hex(4)}"
    yield prefix
    with psycopg.connect(databases.server_url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s) ORDER BY rolname",
            [f"{prefix}_"],
        ).fetchall()
        for (name,) in found:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@contextlib.contextmanager
def made(databases: Databases) -> Iterator[Roles]:
    """Create roles and a new database with the newest schema, and yield the roles."""
    with prefix_of_ones_own(databases) as prefix, databases.clone() as url:
        own = Roles(url, prefix, secrets.token_hex(16))
        own.set_up()
        yield own
