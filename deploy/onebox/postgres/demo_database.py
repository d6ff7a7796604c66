"""The demo's database: an embedded Postgres, or the one in DATABASE_URL; the demo migrates it."""

import hashlib
import os
import sys
from collections.abc import Mapping

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from crawljobs import settings
from crawljobs.db import character_set, driver_errors
from crawljobs.domain import plain_text
from crawljobs.errors import SettingsError, UnusableDatabase
from onebox.demo_errors import PostgresError
from onebox.postgres import data_folder
from onebox.postgres.data_folder import DataFolder
from onebox.postgres.embedded_postgres import EmbeddedPostgres, Options

NAME = "crawljobs"
OLDEST = 15
_REFUSED = {
    "client_refused": "Reddit refuses the client: its id or address is blocked",
    "credentials_refused": "Reddit refuses the credentials",
}
CONNECT_SECONDS = 5
SHOWN_MAX = 500  # characters of an address
DETAIL_SHOWN = 120  # characters of an error that a worker met
MAX_CONNECTIONS = 200  # a worker process uses about a dozen


def _why(reason: str | None, detail: str | None) -> str:
    """The cause for which all workers pause; `reason` None means Reddit's rate limit."""
    if reason is None:
        return "Reddit answered 429"
    cause = f" ({plain_text.one_line(detail, limit=DETAIL_SHOWN)})" if detail else ""
    return _REFUSED.get(reason, "Reddit is in trouble") + cause


class DemoDatabase:
    """The database of a demo; `postgres` is None for an external server.

    `url` and `direct_url` are known after `start`; they differ when `url` is a pooler.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self.url, self.direct_url = given_addresses(os.environ)
        self.own_urls: dict[str, str] = {}  # by service; empty for an external server
        self.postgres: EmbeddedPostgres | None = None
        self._watching: psycopg.Connection | None = None
        if not self.url:
            _unset_client_variables()
            self.postgres = EmbeddedPostgres(
                folder.postgres,
                log=folder.logs / "postgres.log",
                options=Options(max_connections=MAX_CONNECTIONS),
            )

    def start(self) -> None:
        if self.postgres is not None:
            self.postgres.launch()
            from onebox.postgres import (
                own_roles,  # imported here, so that SQLAlchemy loads while Postgres starts
            )

            self.postgres.wait_until_ready()
            self.url = self.direct_url = self.postgres.url(NAME)
            data_folder.write_private(self._folder.database_url, f"{self.url}\n")
            self._create()
            self.own_urls = own_roles.urls(self.postgres, NAME)
        _refuse_unusable(self.url, "DATABASE_URL")
        if self.direct_url != self.url:
            _refuse_unusable(self.direct_url, "DATABASE_DIRECT_URL")
        self._migrate()

    def restart(self) -> None:
        """Start a dead embedded Postgres at the same address."""
        if self.postgres is not None:
            self.postgres.start()

    def pids(self) -> list[int]:
        pid = self.postgres.pid if self.postgres else None
        return [] if pid is None else [pid]

    def is_running(self) -> bool:
        return self.postgres is None or self.postgres.is_running()

    def stop(self) -> None:
        self._close_watching()
        if self.postgres is not None:
            self.postgres.stop()

    def shown(self) -> str:
        """Its address without the password."""
        parts = conninfo_to_dict(self.url)
        place = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
        shown = f"postgresql://{parts.get('user', '')}@{place}/{parts.get('dbname', '')}"
        return plain_text.one_line(shown, limit=SHOWN_MAX)

    def count_rows(self) -> dict[str, int]:
        """The number of stored rows, over all runs. Raises PostgresError."""
        query = """
            SELECT (SELECT count(*) FROM subreddits WHERE last_crawled_at IS NOT NULL),
                   (SELECT count(*) FROM posts), (SELECT count(*) FROM comments),
                   (SELECT count(*) FROM authors), (SELECT count(*) FROM author_subreddits)
        """
        names = ("subreddits", "posts", "comments", "authors", "edges")
        try:
            with psycopg.connect(self.url, connect_timeout=CONNECT_SECONDS) as connection:
                row = connection.execute(query).fetchone() or [0] * len(names)
        except psycopg.Error as error:
            raise PostgresError(f"The stored rows cannot be counted: {_sentence(error)}") from error
        return dict(zip(names, map(int, row), strict=True))

    def reddit_clients(self) -> list[str]:
        """The Reddit client ids that fetched the stored data. Raises PostgresError."""
        query = "SELECT client_id FROM reddit_budgets LIMIT 100"
        try:
            with psycopg.connect(self.url, connect_timeout=CONNECT_SECONDS) as connection:
                return [str(row[0]) for row in connection.execute(query)]
        except psycopg.Error as error:
            raise PostgresError(f"The database cannot be read: {_sentence(error)}") from error

    def reddit_pauses(self) -> list[str]:
        """The pauses of all workers that hold now, as sentences."""
        query = """
            SELECT paused_until, NULL, NULL FROM reddit_budgets
            WHERE paused_until = (SELECT max(paused_until) FROM reddit_budgets)
                AND paused_until > clock_timestamp()
            UNION ALL
            SELECT outage_until, coalesce(paused_reason, ''), paused_detail FROM reddit_budgets
            WHERE outage_until = (SELECT max(outage_until) FROM reddit_budgets)
                AND outage_until > clock_timestamp()
        """
        try:
            if self._watching is None:
                self._watching = psycopg.connect(
                    self.url, connect_timeout=CONNECT_SECONDS, autocommit=True
                )
            found = self._watching.execute(query).fetchall()
        except psycopg.Error:
            self._close_watching()
            return []
        notes = [f"paused until {at.astimezone():%H:%M:%S}: {_why(*why)}" for at, *why in found]
        return list(dict.fromkeys(notes))

    def _close_watching(self) -> None:
        if self._watching is not None:
            self._watching.close()
        self._watching = None

    def connected(self) -> list[str]:
        """The application names of the sessions of this database."""
        query = "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
        try:
            with psycopg.connect(self.direct_url, connect_timeout=CONNECT_SECONDS) as connection:
                return [str(row[0]) for row in connection.execute(query)]
        except psycopg.Error:
            return []

    def _create(self) -> None:
        if self.postgres is None:
            return
        try:
            psycopg.connect(self.url, connect_timeout=CONNECT_SECONDS).close()
        except psycopg.OperationalError:
            with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))

    def _migrate(self) -> None:
        """Migrate the database and set up its roles.

        An embedded database that is up to date with this code is skipped.
        """
        from onebox import migrate
        from onebox.postgres import own_roles

        state = f"{_migrations_digest()} {_revision(self.direct_url)}"
        stamp = self._folder.migrated
        if self.postgres and stamp.is_file() and stamp.read_text() == state:
            return
        migrate.upgrade(self.direct_url)
        if self.postgres:
            own_roles.set_up(self.postgres, NAME)
        stamp.write_text(f"{_migrations_digest()} {_revision(self.direct_url)}")


def given_addresses(variables: Mapping[str, str]) -> tuple[str, str]:
    """The addresses from DATABASE_URL and DATABASE_DIRECT_URL, or their files; empty for none.

    Raises PostgresError for a wrong setting.
    """
    if not any(variables.get(name, "").strip() for name in ("DATABASE_URL", "DATABASE_URL_FILE")):
        return "", ""
    try:
        address = settings.read_database_settings(variables)
    except SettingsError as error:
        raise PostgresError(str(error)) from error
    return address.url, address.direct_url


def _refuse_unusable(url: str, setting: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            version = connection.info.server_version // 10_000
            character_set.check(connection)
    except UnusableDatabase as error:
        raise PostgresError(f"{setting}: {error}") from error
    except psycopg.Error as error:
        raise PostgresError(f"{setting} cannot be used: {_sentence(error)}") from error
    if version < OLDEST:
        raise PostgresError(
            f"{setting} leads to PostgreSQL {version}: {OLDEST} or later is needed."
        )


def _unset_client_variables() -> None:
    """Unset PGSSLMODE and other libpq variables, which are meant for another server."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def _revision(url: str) -> str:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        return "none"
    except psycopg.Error as error:
        raise PostgresError(f"The database cannot be read: {_sentence(error)}") from error
    return str(row[0]) if row else "none"


def _migrations_digest() -> str:
    from onebox import migrate
    from onebox.postgres import own_roles

    digest = hashlib.sha256(sys.version.encode())
    for path in (*sorted(migrate.MIGRATIONS.glob("**/*.py")), *own_roles.SOURCES):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _sentence(error: psycopg.Error) -> str:
    return driver_errors.sentence(error)
