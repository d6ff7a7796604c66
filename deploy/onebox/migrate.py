"""Run the project's migrations on the demo's database."""

import logging
from pathlib import Path

from crawljobs import errors
from crawljobs.db.administration import migration
from onebox.demo_errors import PostgresError

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
DEADLINE_SECONDS = 60.0


def upgrade(database_url: str, *, revision: str = "head") -> None:
    """Migrate the database to `revision`. Concurrent calls run one after the other.

    Raises PostgresError.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        migration.upgrade(
            MIGRATIONS, database_url, revision=revision, deadline_seconds=DEADLINE_SECONDS
        )
    except errors.CrawljobsError as error:
        raise PostgresError(f"The database cannot be migrated: {error}") from error
