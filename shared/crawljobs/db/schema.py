"""Check whether this code can run on the schema of the database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, text

from crawljobs import errors

# The revisions that this code supports, the newest last.
KNOWN_REVISIONS = ("0069",)

# The comment (COMMENT ON) of the table alembic_version. Each migration writes this comment in the
# transaction that changes the schema. `revision` is the oldest revision that a release must know to
# use the changed schema. So a release can accept a schema that is newer than all revisions it knows
# (decision 38).
RUNS_CODE_FROM = "runs code from {revision}"
_RUNS_CODE_FROM = re.compile(r"runs code from (\d{4})")


@dataclass(frozen=True)
class SchemaState:
    """The revision of the database's schema, and whether this code can run on it."""

    revision: str | None
    is_known: bool
    newest_known: str


def read_state(conn: Connection) -> SchemaState:
    """Return the revision, and whether this code can run on it.

    Without a schema, the revision is None.
    """
    found = conn.execute(_FOUND).one_or_none() if conn.execute(_MAY_READ).scalar_one() else None
    is_known = found is not None and (
        found.revision in KNOWN_REVISIONS or _suits_us(found.revision, found.comment)
    )
    return SchemaState(None if found is None else found.revision, is_known, KNOWN_REVISIONS[-1])


def check_schema(conn: Connection) -> None:
    """Raise UnknownSchema unless this code can run on the database's revision of the schema."""
    may_read = conn.execute(_MAY_READ).scalar_one()  # None: alembic_version does not exist
    if may_read is False:
        raise errors.UnknownSchema(
            "this role may not read the schema's revision: run `crawljobs-migrate roles`"
        )
    found = may_read and conn.execute(_FOUND).one_or_none()
    if found and (found.revision in KNOWN_REVISIONS or _suits_us(found.revision, found.comment)):
        return
    raise errors.UnknownSchema(
        f"the database's schema is at revision {found.revision if found else 'none'}, "
        f"this code knows {', '.join(KNOWN_REVISIONS)}: "
        f"run `crawljobs-migrate upgrade` of this version"
    )


def check_writable(conn: Connection) -> None:
    """Raise DatabaseUnavailable if the database is read-only, as a replica is."""
    if conn.execute(text("SHOW transaction_read_only")).scalar_one() == "on":
        raise errors.DatabaseUnavailable("the database is read-only now")


def may_rewrite_audit_log(conn: Connection) -> bool:
    """Return whether the current role has the right to change or delete rows of the audit log.

    No service needs this right. If a role has it, only a trigger protects the audit log.
    """
    query = "SELECT has_table_privilege('admin_audit_log', 'UPDATE, DELETE, TRUNCATE')"
    return bool(conn.execute(text(query)).scalar_one())


_MAY_READ = text("SELECT has_table_privilege(to_regclass('alembic_version'), 'SELECT')")

_FOUND = text("""
    SELECT version_num AS revision,
        obj_description(to_regclass('alembic_version'), 'pg_class') AS comment
    FROM alembic_version LIMIT 1
""")


def _suits_us(revision: str, comment: str | None) -> bool:
    """Return whether `comment` allows this code to use the schema of the later `revision`."""
    oldest = _RUNS_CODE_FROM.fullmatch(comment or "")
    newest_known = KNOWN_REVISIONS[-1]
    return oldest is not None and oldest[1] <= newest_known < revision
