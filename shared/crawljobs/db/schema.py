"""Which schema this code knows, and which later ones say that they still suit it."""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

from crawljobs import errors

# Newest last: the revisions this code was written for.
KNOWN_REVISIONS = ("0032",)

# What migrations write as the comment of their own table, beside the revision and in its
# transaction: the oldest code that runs on this schema. Code cannot know the revisions after it.
RUNS_CODE_FROM = "runs code from {revision}"
_RUNS_CODE_FROM = re.compile(r"runs code from (\d{4})")


def check_schema(conn: Connection) -> None:
    """Raise UnknownSchema unless this code runs on the revision the database was migrated to."""
    may_read = conn.execute(_MAY_READ).scalar_one()  # None: there is no such table
    if may_read is False:
        raise errors.UnknownSchema(
            "this role may not read which schema the database has: run `python -m migrations roles`"
        )
    found = may_read and conn.execute(_FOUND).one_or_none()
    if found and (found.revision in KNOWN_REVISIONS or _suits_us(found.revision, found.comment)):
        return
    raise errors.UnknownSchema(
        f"the database's schema is at revision {found.revision if found else 'none'}, "
        f"this code knows {', '.join(KNOWN_REVISIONS)}: run this version's migrations"
    )


def check_writable(conn: Connection) -> None:
    """Raise DatabaseUnavailable on a replica, and after a failover that left it read-only."""
    if conn.execute(text("SHOW transaction_read_only")).scalar_one() == "on":
        raise errors.DatabaseUnavailable("the database takes no writes now")


def may_rewrite_audit_log(conn: Connection) -> bool:
    """Whether only its triggers protect it from whoever is logged in."""
    query = "SELECT has_table_privilege('admin_audit_log', 'UPDATE, DELETE, TRUNCATE')"
    return bool(conn.execute(text(query)).scalar_one())


_MAY_READ = text("SELECT has_table_privilege(to_regclass('alembic_version'), 'SELECT')")

_FOUND = text("""
    SELECT version_num AS revision,
        obj_description(to_regclass('alembic_version'), 'pg_class') AS comment
    FROM alembic_version LIMIT 1
""")


def _suits_us(revision: str, comment: str | None) -> bool:
    """Whether a later revision says that it only expands what this code needs."""
    oldest = _RUNS_CODE_FROM.fullmatch(comment or "")
    newest_known = KNOWN_REVISIONS[-1]
    return oldest is not None and oldest[1] <= newest_known < revision
