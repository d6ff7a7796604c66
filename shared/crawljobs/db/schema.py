"""Which schema this code knows."""

from __future__ import annotations

from sqlalchemy import Connection, text

from crawljobs import errors

# Newest last. Code runs on the revision it was written for and on later ones that only expand it.
KNOWN_REVISIONS = ("0010",)


def check_schema(conn: Connection) -> None:
    """Raise UnknownSchema unless the database was migrated to a revision this code knows."""
    exists = conn.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL")).scalar_one()
    found = (
        conn.execute(text("SELECT version_num FROM alembic_version LIMIT 1")).scalar()
        if exists
        else None
    )
    if found not in KNOWN_REVISIONS:
        raise errors.UnknownSchema(
            f"the database's schema is at revision {found or 'none'}, this code knows "
            f"{', '.join(KNOWN_REVISIONS)}: run this version's migrations"
        )
