"""Run the revisions for Alembic, each in a transaction that never waits long for a table lock."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy
from alembic import context, util
from alembic.runtime.migration import MigrationContext

from crawljobs import errors, settings
from crawljobs.db import database, schema, tables
from crawljobs.db.administration import roles
from crawljobs.runtime import logs, startup

log = logs.get_logger("migrations")

# The lock timeout is short, because while a migration waits for a table lock, all later statements
# on the table wait too.
LIMITS = "SET lock_timeout = '3s'; SET statement_timeout = 0"
TURN_SECONDS = 0.1
# Limit of the wait for other migrations, if the caller sets no deadline.
TURN_DEADLINE_SECONDS = 600.0
# The limit of the wait for a reply of the server, in seconds. This limit is long, because the
# server needs long to build an index of a large table. TCP detects a server that is gone.
REPLY_SECONDS = 6 * 3600.0


def _url() -> str:
    given = context.config.attributes.get("database_url")
    try:
        return str(given or settings.read_database_settings(os.environ).direct_url)
    except errors.SettingsError as error:
        raise SystemExit(str(error)) from None


@contextmanager
def _turn(url: str) -> Iterator[None]:
    """Wait until no other process migrates, and let no other process migrate during the block.

    The process holds an advisory lock for the time of a transaction. So the lock ends if the
    process dies. The transaction must have no snapshot. CREATE INDEX CONCURRENTLY waits until all
    older snapshots have ended, so a snapshot of this transaction would block it. Raises
    CommandError at the deadline.
    """
    given = context.config.attributes.get("turn_deadline")
    deadline = time.monotonic() + TURN_DEADLINE_SECONDS if given is None else given
    with database.connect(url, "crawljobs-migrations") as turn:
        turn.execute("SET idle_in_transaction_session_timeout = 0")
        turn.commit()
        is_free = _is_free(turn)
        if not is_free:
            left = max(0.0, deadline - time.monotonic())
            log.warning("migrations.waiting_for_another", at_most_seconds=round(left))
        while not is_free:
            if time.monotonic() > deadline:
                raise util.CommandError(
                    "another migration holds the turn: when it has ended, run this again"
                )
            time.sleep(TURN_SECONDS)
            is_free = _is_free(turn)
        yield


def _is_free(turn: psycopg.Connection[Any]) -> bool:
    # Try to lock without a wait. A statement that waits for the lock would have a snapshot, and
    # CREATE INDEX CONCURRENTLY in the process that holds the lock would wait for this snapshot.
    row = turn.execute("SELECT pg_try_advisory_xact_lock(hashtext('crawljobs migrations'))")
    if (row.fetchone() or [False])[0]:
        return True
    # The failed try to lock also took a snapshot, which lasts until the end of the transaction. So
    # end the transaction. Otherwise CREATE INDEX CONCURRENTLY in the process that holds the lock
    # may wait for this snapshot.
    turn.rollback()
    return False


def _record_which_code_runs(
    ctx: MigrationContext, step: object, heads: Collection[Any], run_args: object
) -> None:
    """Record the oldest release that can run on the new schema, as the number of its revision.

    The record is a comment on the table alembic_version. The revision's transaction writes the
    comment, and `crawljobs.db.schema` reads it.
    """
    for head in heads:
        module = context.script.get_revision(head).module
        oldest = getattr(module, "runs_code_from", head)
        comment = schema.RUNS_CODE_FROM.format(revision=oldest)
        ctx.execute(f"COMMENT ON TABLE alembic_version IS '{comment}'")


def _grant(ctx: MigrationContext, **_: object) -> None:
    """In the revision's transaction, grant the roles their rights on new tables and functions."""
    asked = context.config.attributes
    if asked.get("role_prefix") is not None and ctx.connection is not None:
        asked["granted"] += roles.grant(ctx.connection, prefix=asked["role_prefix"])


@contextmanager
def _usable() -> Iterator[None]:
    """Translate UnusableDatabase to CommandError, the error class of Alembic."""
    try:
        yield
    except errors.UnusableDatabase as error:
        raise util.CommandError(str(error)) from error


def _configure(**options: Any) -> None:
    context.configure(
        target_metadata=tables.metadata,
        transaction_per_migration=True,
        on_version_apply=(_record_which_code_runs, _grant),
        **options,
    )
    with context.begin_transaction():
        if context.is_offline_mode():
            context.execute(LIMITS)
        context.run_migrations()


def _run() -> None:
    url = _url()
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: database.connect(url, "crawljobs-migrations", reply_seconds=REPLY_SECONDS),
        poolclass=sqlalchemy.NullPool,
    )
    with _usable(), _turn(url), engine.connect() as connection:
        startup.refuse_unusable(connection)
        connection.exec_driver_sql(LIMITS)
        connection.commit()
        _configure(connection=connection)


if context.is_offline_mode():
    _configure(dialect_name="postgresql")
else:
    _run()
