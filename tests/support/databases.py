"""Databases for tests. Each test gets a clone of a migrated template. `drop_all` drops them."""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import scalar_row
from sqlalchemy import URL

from onebox import migrate

NAME_PREFIX = "crawltest"
DEADLINE_SECONDS = 30  # to clone or drop, on an overloaded machine


@dataclass
class Databases:
    """Creates and drops the databases of a test run.

    `run` is part of each database's name. All processes of a test run have the same `run`, and no
    two test runs have the same.
    """

    server_url: str
    run: str
    process: str
    clone_strategy: str
    _counter: "itertools.count[int]" = field(default_factory=itertools.count)
    _left: list[str] = field(default_factory=list)
    _has_template: bool = False

    @contextlib.contextmanager
    def clone(self) -> Iterator[str]:
        """Yield the address of a new database with the newest schema."""
        name = self._make_clone()
        try:
            yield self.url(name)
        finally:
            self._end(name)

    @contextlib.contextmanager
    def lend(self) -> Iterator[str]:
        """Yield the same as `clone`, but drop the database later, after the next one is created.

        By then the sessions of the database have ended. If a session is still ending, DROP DATABASE
        waits for a tenth of a second.
        """
        name = self._make_clone()
        try:
            yield self.url(name)
        finally:
            self._left.append(name)

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        """Yield the address of an empty database, for tests of the migrations."""
        name = self._next_name()
        with self._connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield self.url(name)
        finally:
            self._end(name)

    def _make_clone(self) -> str:
        name, template = self._next_name(), self._template()
        left, self._left = self._left, []
        with self._connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}").format(
                    sql.Identifier(name), sql.Identifier(template), sql.SQL(self.clone_strategy)
                )
            )
            for old in left:
                connection.execute(_drop(old))
        return name

    def _next_name(self) -> str:
        return f"{NAME_PREFIX}_{self.run}_{self.process}_{next(self._counter)}"

    def _end(self, name: str) -> None:
        with self._connect() as connection:
            connection.execute(_drop(name))

    def drop_all(self) -> None:
        """Drop all databases of this test run, also the template."""
        with self._connect() as connection:
            pattern = f"{NAME_PREFIX}\\_{self.run}\\_%"
            names = connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE %s", [pattern]
            ).fetchall()
            for name in names:
                connection.execute(_drop(str(name)))

    def url(self, name: str) -> str:
        return database_url(self.server_url, name)

    def _template(self) -> str:
        name = f"{NAME_PREFIX}_{self.run}_template"
        if not self._has_template:
            self._make_template(name)
            self._has_template = True
        return name

    def _make_template(self, name: str) -> None:
        """Create and migrate the template, unless another process of the test run did so."""
        draft = f"{name}_draft"
        with self._connect() as connection:
            connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
            if connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [name]
            ).fetchone():
                return
            connection.execute(_drop(draft))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
            migrate.upgrade(self.url(draft))
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(draft), sql.Identifier(name)
                )
            )

    def _connect(self) -> "psycopg.Connection[object]":
        connection: psycopg.Connection[object] = psycopg.connect(
            self.server_url,
            autocommit=True,
            connect_timeout=DEADLINE_SECONDS,
            row_factory=scalar_row,
        )
        connection.execute(f"SET statement_timeout = '{DEADLINE_SECONDS}s'")
        return connection


def database_url(server_url: str, name: str) -> str:
    """Return the server's address with another database. Accepts both address forms of libpq."""
    parts = {
        key: str(value) for key, value in conninfo_to_dict(server_url).items() if value is not None
    }
    user, password = parts.pop("user", None), parts.pop("password", None)
    host, port = parts.pop("host", None), parts.pop("port", None)
    parts.pop("dbname", None)
    if host is not None and ("/" in host or "," in host):  # the folder of a socket, or many hosts
        parts["host"], host = host, None
        if port is not None:
            parts["port"], port = port, None
    url = URL.create("postgresql", user, password, host, int(port) if port else None, name, parts)
    return url.render_as_string(hide_password=False)


def empty_tables(url: str) -> None:
    """Delete all rows but those of the audit log, and let the ids begin again at 1.

    A server that several tests share keeps its database, and each test begins without rows. The
    audit log stays, because it is append-only.
    """
    with psycopg.connect(url, autocommit=True, connect_timeout=DEADLINE_SECONDS) as connection:
        connection.execute(f"SET statement_timeout = '{DEADLINE_SECONDS}s'")
        names = connection.execute(
            "SELECT quote_ident(tablename) FROM pg_tables "
            "WHERE schemaname = 'public' "
            "AND tablename NOT IN ('alembic_version', 'admin_audit_log')"
        ).fetchall()
        tables = ", ".join(name for (name,) in names)
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())


def _drop(name: str) -> sql.Composed:
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
