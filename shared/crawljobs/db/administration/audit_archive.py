"""Move old rows of the audit log into an archive table, which the owner may dump and drop.

Only a superuser or the owner of the tables can move rows. Each chunk of CHUNK_ROWS rows has its own
transaction, with these steps:

- Disable the trigger that protects the audit log. Grant the current role the right to delete.
- Move the rows.
- Enable the trigger. Revoke the right.

So no other session sees the audit log without protection.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.domain.actor import Actor

SCHEMA = "crawljobs_audit_archive"
ACTOR = Actor("system:migrations")
# The number of rows that one transaction moves. During this transaction, writers of audit rows
# wait, for about 0.2 s.
CHUNK_ROWS = 10_000
LOCK_SECONDS = 1  # the longest wait for the table lock; during this wait, writers wait as well
YOUNGEST_DAYS = 1

_IS_OLD_ENOUGH = text(
    f"SELECT CAST(:before AS timestamptz) <= clock_timestamp() - interval '{YOUNGEST_DAYS} days'"
)

_RECORD = text("""
    INSERT INTO public.admin_audit_log (actor, action, resource_type, resource_id, after)
    VALUES (:actor, 'archive', 'audit_log', :table,
        jsonb_build_object('before', CAST(:before AS text), 'rows', CAST(:rows AS bigint),
            'first_id', CAST(:first_id AS bigint), 'last_id', CAST(:last_id AS bigint),
            'sha256', CAST(:sha256 AS text)))
    """)


class ArchiveRefused(errors.CrawljobsError):
    """No audit row was moved into the archive. The message has the reason."""


@dataclass(frozen=True)
class Archived:
    """Describes an archive table. `sha256` is the hash of the table's rows, in the order of ids."""

    table: str
    rows: int
    first_id: int | None
    last_id: int | None
    sha256: str


def archive(database: Database, *, before: datetime, chunk_rows: int = CHUNK_ROWS) -> Archived:
    """Move all audit rows older than `before`, then record the archive in the audit log.

    Returns a description of the archive table. If a call is interrupted, a second call with the
    same `before` moves the remaining rows to the same table. Raises ArchiveRefused if `before` is
    less than one day ago.
    """
    name = f"until_{before:%Y%m%d_%H%M%S}"
    table = f"{SCHEMA}.{name}"

    def prepare(conn: Connection) -> None:
        if not conn.execute(_IS_OLD_ENOUGH, {"before": before}).scalar_one():
            raise ArchiveRefused(f"--before: expected a time at least {YOUNGEST_DAYS} day ago")
        conn.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        conn.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {table} "
            f"(LIKE public.admin_audit_log, CONSTRAINT {name}_pkey PRIMARY KEY (id))"
        )

    def move(conn: Connection) -> int:
        return _move(conn, table, before, chunk_rows)

    database.run(prepare)
    while database.run(move):
        pass
    return database.run(lambda conn: _finish(conn, table, before))


def _move(conn: Connection, table: str, before: datetime, at_most: int) -> int:
    conn.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    trigger = "TRIGGER admin_audit_log_append_only"
    conn.exec_driver_sql(f"ALTER TABLE public.admin_audit_log DISABLE {trigger}")
    conn.exec_driver_sql("GRANT DELETE ON public.admin_audit_log TO CURRENT_USER")
    moved = conn.execute(
        text(f"""
            WITH gone AS (
                DELETE FROM public.admin_audit_log WHERE id = ANY (ARRAY(
                    SELECT id FROM public.admin_audit_log WHERE at < :before
                    ORDER BY at, id LIMIT :at_most))
                RETURNING *
            )
            INSERT INTO {table} SELECT * FROM gone
            """),  # noqa: S608 - the name is made of a fixed prefix and a time
        {"before": before, "at_most": at_most},
    ).rowcount
    conn.exec_driver_sql("REVOKE DELETE ON public.admin_audit_log FROM CURRENT_USER")
    conn.exec_driver_sql(f"ALTER TABLE public.admin_audit_log ENABLE ALWAYS {trigger}")
    return moved


def _finish(conn: Connection, table: str, before: datetime) -> Archived:
    row = conn.exec_driver_sql(
        f"SELECT count(*) AS rows, min(id) AS first_id, max(id) AS last_id FROM {table}"  # noqa: S608
    ).one()
    archived = Archived(table, row.rows, row.first_id, row.last_id, _digest(conn, table))
    if archived.rows:
        values = {**vars(archived), "actor": ACTOR.name, "before": before.isoformat()}
        conn.execute(_RECORD, values)
    return archived


def _digest(conn: Connection, table: str) -> str:
    """Return the SHA-256 hash of the rows as lines of text, in the order of ids.

    If psql prints the rows as text in this order, `sha256sum` computes the same hash of the output.
    """
    digest = hashlib.sha256()
    query = text(f"SELECT archived::text FROM {table} AS archived ORDER BY id")  # noqa: S608
    rows = conn.execute(query.execution_options(stream_results=True, yield_per=1_000))
    for (line,) in rows:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()
