"""Describe how the database's revision compares with the revisions that this release knows."""

from __future__ import annotations

from pathlib import Path

from psycopg import conninfo
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.migrate import revision_scripts

_HAS_SCHEMA = text("SELECT to_regclass('public.alembic_version') IS NOT NULL")
_APPLIED = text("SELECT version_num FROM public.alembic_version LIMIT 1")


def applied(database: Database) -> str | None:
    """Return the revision of the database, or None if the database has no schema yet."""
    with database.begin() as conn:
        if not conn.execute(_HAS_SCHEMA).scalar_one():
            return None
        found = conn.execute(_APPLIED).scalar_one_or_none()
    return None if found is None else str(found)


def current(database: Database, scripts: Path) -> str:
    """Return the revision of the database and its place among the revisions in `scripts`."""
    found = applied(database)
    known = [revision.name for revision in revision_scripts.newest_first(scripts)]
    if found is None:
        return "none: the database has no schema; `crawljobs-migrate upgrade` creates it"
    if found not in known:
        return f"{found} (newer than this version, whose newest revision is {known[0]})"
    behind = known.index(found)
    if behind == 0:
        return f"{found} (the newest)"
    return f"{found} ({behind} behind {known[0]}: run `crawljobs-migrate upgrade`)"


def downgrade_warning(database: Database, url: str, revision: str) -> str:
    """Return a sentence with the database, its revision, and what the downgrade deletes."""
    parts = conninfo.conninfo_to_dict(url)
    place = f"{parts.get('dbname')} on {parts.get('host') or 'this machine'}"
    return (
        f"The downgrade of the database {place} from revision {applied(database) or 'none'} to "
        f"{revision} deletes the columns and tables of the newer revisions, with their data."
    )
