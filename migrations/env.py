"""Alembic's entry: one transaction a revision, never waiting long for a lock."""

from __future__ import annotations

import os
import time

import psycopg
import sqlalchemy
from alembic import context

from crawljobs.db import database, tables

# A migration that waits for a lock makes every later statement wait behind it.
LOCK_TIMEOUT = "3s"
TURN_SECONDS = 0.1


def _url() -> str:
    url = context.config.attributes.get("database_url") or os.environ.get(
        "DATABASE_DIRECT_URL", os.environ.get("DATABASE_URL")
    )
    if not url:
        raise SystemExit("DATABASE_URL is missing: expected the address of a Postgres database")
    return str(url)


def _connect() -> psycopg.Connection:
    return database.connect(_url(), "crawljobs-migrations")


def _is_our_turn(turn: psycopg.Connection) -> bool:
    # Not by waiting for the lock: a statement that waits has a snapshot, and whoever has the turn
    # would wait for that in CREATE INDEX CONCURRENTLY.
    row = turn.execute("SELECT pg_try_advisory_xact_lock(hashtext('crawljobs migrations'))")
    return bool((row.fetchone() or [False])[0])


def _run() -> None:
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=_connect, poolclass=sqlalchemy.NullPool
    )
    # Two that migrate at once take turns: held until this connection closes, by a transaction
    # that has no snapshot and so pins nothing.
    with _connect() as turn, engine.connect() as connection:
        turn.execute("SET statement_timeout = 0")
        turn.execute("SET lock_timeout = 0")
        turn.execute("SET idle_in_transaction_session_timeout = 0")
        while not _is_our_turn(turn):
            time.sleep(TURN_SECONDS)
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=tables.metadata,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("offline migrations are not supported: run them against the database")
_run()
