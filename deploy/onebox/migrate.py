"""Bring a database to the newest schema, with the project's own migrations."""

import logging
from pathlib import Path

from onebox.errors import PostgresError

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def upgrade(database_url: str, *, revision: str = "head") -> None:
    """Two that migrate at once take turns; a database that is up to date is left alone."""
    import alembic.command  # a quarter of a second that not every start needs to spend
    import alembic.config
    import alembic.util

    if not (MIGRATIONS / "env.py").is_file():
        raise PostgresError(
            f"There are no migrations in {MIGRATIONS}: run this from a whole clone."
        )
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        alembic.command.upgrade(config, revision)
    except alembic.util.CommandError as error:
        raise PostgresError(f"The database cannot be migrated: {error}") from error
