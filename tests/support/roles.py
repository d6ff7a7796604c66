"""Roles of a test's own on the server that all tests share, and who logs in as them."""

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
    """`url` leads to the database as whoever runs the tests."""

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
    """Its roles are dropped at the end, after the databases in which they have rights."""
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
    """In a fresh database with the newest schema."""
    with prefix_of_ones_own(databases) as prefix, databases.clone() as url:
        own = Roles(url, prefix, secrets.token_hex(16))
        own.set_up()
        yield own
