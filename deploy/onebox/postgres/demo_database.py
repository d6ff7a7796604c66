"""The demo's database: the embedded Postgres, or the database that DATABASE_URL names."""

import hashlib
import os
import sys

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from crawljobs.domain import plain_text
from onebox.demo_errors import PostgresError
from onebox.postgres import data_folder, database_checks
from onebox.postgres.data_folder import DataFolder
from onebox.postgres.embedded_postgres import EmbeddedPostgres
from onebox.postgres.overview import Overview, OverviewReader
from onebox.postgres.reddit_pauses import RedditPauses
from onebox.postgres.server_options import Options

NAME = "crawljobs"
SHOWN_MAX = 500  # limit of a displayed address in characters
MAX_CONNECTIONS = 200  # limit of the connections to the embedded Postgres; a worker uses about 12


class DemoDatabase:
    """Starts, migrates and reads the demo's database. `postgres` is None for an external database.

    `url` and `direct_url` are set after `start`. They differ if `url` leads to a connection pooler.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self.url, self.direct_url = database_checks.given_addresses(os.environ)
        self.pauses = RedditPauses()
        self.overview = OverviewReader()
        # Maps a service to its database URL; empty for an external database.
        self.own_urls: dict[str, str] = {}
        self.postgres: EmbeddedPostgres | None = None
        if not self.url:
            database_checks.unset_client_variables()
            self.postgres = EmbeddedPostgres(
                folder.postgres,
                log=folder.logs / "postgres.log",
                options=Options(max_connections=MAX_CONNECTIONS),
            )

    def start_step(self) -> str:
        """Return a sentence for the user about the work that `start` does next."""
        if self.postgres is None:
            return f"Checking the tables of {self.shown()} ..."
        made = (self.postgres.data / "PG_VERSION").is_file()
        return f"{'Starting' if made else 'Creating'} the database in {self._folder.postgres} ..."

    def start(self) -> None:
        if self.postgres is not None:
            self.postgres.launch()
            from onebox.postgres import (
                own_roles,  # imported late, so that SQLAlchemy loads while Postgres starts
            )

            self.postgres.wait_until_ready()
            self.url = self.direct_url = self.postgres.url(NAME)
            data_folder.write_private(self._folder.database_url, f"{self.url}\n")
            self._create()
            self.own_urls = own_roles.urls(self.postgres, NAME)
            reader_url = own_roles.reader_url(self.postgres, NAME)
            data_folder.write_private(self._folder.reader_url, f"{reader_url}\n")
        database_checks.refuse_unusable(self.url, "DATABASE_URL")
        if self.direct_url != self.url:
            database_checks.refuse_unusable(self.direct_url, "DATABASE_DIRECT_URL")
        self._migrate()

    def restart(self) -> None:
        """Start the embedded Postgres again, at the same address."""
        if self.postgres is not None:
            self.postgres.start()

    def pids(self) -> list[int]:
        pid = self.postgres.pid if self.postgres else None
        return [] if pid is None else [pid]

    def is_running(self) -> bool:
        return self.postgres is None or self.postgres.is_running()

    def stop(self) -> None:
        self.pauses.close()
        self.overview.close()
        if self.postgres is not None:
            self.postgres.stop()

    def shown(self) -> str:
        """Return the database's address without the password."""
        parts = conninfo_to_dict(self.url)
        place = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
        shown = f"postgresql://{parts.get('user', '')}@{place}/{parts.get('dbname', '')}"
        return plain_text.one_line(shown, limit=SHOWN_MAX)

    def read_overview(self, *, at_once: bool = False) -> Overview | None:
        """Return the latest totals, or None if there are none. With `at_once`, read new totals."""
        return self.overview.read(self.url, at_once=at_once)

    def count_rows(self) -> dict[str, int]:
        """Count the crawled subreddits and the stored items of all runs. Raises PostgresError."""
        query = """
            SELECT (SELECT count(*) FROM subreddits WHERE last_crawled_at IS NOT NULL),
                   (SELECT count(*) FROM posts), (SELECT count(*) FROM comments),
                   (SELECT count(*) FROM authors), (SELECT count(*) FROM author_subreddits)
        """
        names = ("subreddits", "posts", "comments", "authors", "edges")
        try:
            with psycopg.connect(
                self.url, connect_timeout=database_checks.CONNECT_SECONDS
            ) as connection:
                row = connection.execute(query).fetchone() or [0] * len(names)
        except psycopg.Error as error:
            raise PostgresError(
                f"The stored rows cannot be counted: {database_checks.sentence(error)}"
            ) from error
        return dict(zip(names, map(int, row), strict=True))

    def reddit_clients(self) -> list[str]:
        """Return the Reddit client ids with which the data was fetched. Raises PostgresError."""
        query = "SELECT client_id FROM reddit_budgets LIMIT 100"
        try:
            with psycopg.connect(
                self.url, connect_timeout=database_checks.CONNECT_SECONDS
            ) as connection:
                return [str(row[0]) for row in connection.execute(query)]
        except psycopg.Error as error:
            raise PostgresError(
                f"The database cannot be read: {database_checks.sentence(error)}"
            ) from error

    def connected(self) -> list[str]:
        """Return the `application_name` of each session, or no names if the connection fails."""
        query = "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
        try:
            with psycopg.connect(
                self.direct_url, connect_timeout=database_checks.CONNECT_SECONDS
            ) as connection:
                return [str(row[0]) for row in connection.execute(query)]
        except psycopg.Error:
            return []

    def _create(self) -> None:
        if self.postgres is None:
            return
        try:
            psycopg.connect(self.url, connect_timeout=database_checks.CONNECT_SECONDS).close()
        except psycopg.OperationalError:
            with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))

    def _migrate(self) -> None:
        """Migrate the database. For the embedded Postgres, also set up the roles.

        Does nothing if the embedded Postgres was already migrated by the same code.
        """
        from onebox import migrate
        from onebox.postgres import own_roles

        state = f"{_migrations_digest()} {database_checks.revision(self.direct_url)}"
        stamp = self._folder.migrated
        if self.postgres and stamp.is_file() and stamp.read_text() == state:
            return
        migrate.upgrade(self.direct_url)
        if self.postgres:
            own_roles.set_up(self.postgres, NAME)
        stamp.write_text(f"{_migrations_digest()} {database_checks.revision(self.direct_url)}")


def _migrations_digest() -> str:
    from onebox import migrate
    from onebox.postgres import own_roles

    digest = hashlib.sha256(sys.version.encode())
    for path in (*sorted(migrate.MIGRATIONS.glob("**/*.py")), *own_roles.SOURCES):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
