"""The pool of connections to Postgres. Only this module retries transactions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, cast

import psycopg
import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from crawljobs import errors
from crawljobs.db import after_commit, call_deadline, failures
from crawljobs.db.connection import BoundedConnection, connect, session_settings
from crawljobs.db.server_liveness import ServerLiveness
from crawljobs.db.timeouts import BACKGROUND_TIMEOUTS, Timeouts
from crawljobs.runtime import backoff

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

__all__ = ["Connection", "Database", "connect"]

T = TypeVar("T")

# The maximum number of tries of one transaction. A transaction is tried again after a deadlock, a
# serialization failure or a lock timeout.
CONFLICT_RETRIES = 8
CONFLICT_BACKOFF_SECONDS = 0.01


def _limit_transaction(limits: Timeouts) -> Callable[[Connection], None]:
    """Return a function that sets the timeouts and other settings for one transaction.

    Connections through a pooler need this function. A pooler refuses start-up options, and its
    sessions serve many clients. So each transaction sets its own timeouts.
    """
    settings = session_settings(limits)
    calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())

    def limit(conn: Connection) -> None:
        conn.exec_driver_sql(f"SELECT {calls}")

    return limit


class Database:
    """A pool of connections to Postgres.

    `begin()` opens a transaction. `run(work)` also tries its transaction again after a conflict.
    Both methods raise DatabaseUnavailable for a temporary failure.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 5,
        application_name: str = "crawljobs",
        pooled: bool = False,
        reply_seconds: float | None = None,
        limits: Timeouts = BACKGROUND_TIMEOUTS,
        liveness: ServerLiveness | None = None,
    ) -> None:
        if reply_seconds is not None:
            limits = replace(limits, reply=reply_seconds, ping=min(limits.ping, reply_seconds))
        self._limits = limits

        def open_connection() -> BoundedConnection:
            connection = connect(
                url, application_name, pooled=pooled, reply_seconds=limits.ping, limits=limits
            )
            connection.liveness = liveness
            return connection

        self._engine = sqlalchemy.create_engine(
            "postgresql+psycopg://",
            # psycopg parses the address, because SQLAlchemy's parser supports fewer forms.
            creator=open_connection,
            pool_size=pool_size,
            # Take the most recently used connection: it has prepared the frequent statements.
            pool_use_lifo=True,
            max_overflow=0,
            pool_timeout=limits.pool,
            hide_parameters=True,  # errors go into logs, and parameters may be secret
            # The most frequent calls are single statements, which need no BEGIN and COMMIT.
            isolation_level="AUTOCOMMIT",
        )
        self._transactions = self._engine.execution_options(isolation_level="READ COMMITTED")
        self._pooled = pooled
        if pooled:
            event.listen(self._transactions, "begin", _limit_transaction(limits))
        event.listen(self._engine, "checkout", self._on_checkout)
        event.listen(self._engine, "checkin", self._on_checkin)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection for reads. Each statement sees all data committed before its start."""
        if self._pooled:  # behind a pooler, the timeouts need a transaction, so begin one
            with self.begin() as conn:
                yield conn
            return
        _refuse_late()
        with _translate_errors(), self._engine.connect() as conn:
            yield conn

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yield a connection in a transaction, which commits at the end of the block."""
        _refuse_late()
        with _translate_errors(), self._transactions.begin() as conn:
            after_commit.pop_callbacks(conn)
            yield conn
            callbacks = after_commit.pop_callbacks(conn)
        for callback in callbacks:
            callback()

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction, and return the result of `work`.

        Runs `work` again in a new transaction after a deadlock, a serialization failure or a lock
        timeout.
        """
        return self._run(self._transactions, work)

    def run_statement(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which executes a single statement, without BEGIN and COMMIT.

        The missing BEGIN and COMMIT save two round trips (decision 63). Behind a pooler, the method
        does the same as `run`.
        """
        return self._run(self._transactions if self._pooled else self._engine, work)

    def check_reachable(self) -> None:
        """Check that the server answers. Raises DatabaseUnavailable."""
        self.run_statement(lambda conn: conn.exec_driver_sql("SELECT 1"))

    def _run(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        _refuse_late()
        give_up_at = min(time.monotonic() + self._limits.conflicts, call_deadline.until())
        for attempt in range(CONFLICT_RETRIES):
            try:
                with engine.begin() as conn:
                    after_commit.pop_callbacks(conn)
                    result = work(conn)
                    callbacks = after_commit.pop_callbacks(conn)
                break
            except (DBAPIError, PoolTimeout, psycopg.Error) as error:
                again = attempt + 1 < CONFLICT_RETRIES and time.monotonic() < give_up_at
                if not (failures.is_conflict(error) and again):
                    with _translate_errors():
                        raise
                failures.count(error)
                pause = backoff.pause_seconds(
                    attempt + 1, first=CONFLICT_BACKOFF_SECONDS, least_share=0.0
                )
                time.sleep(pause)
        else:
            raise AssertionError("the last attempt ends the loop or raises")
        for callback in callbacks:
            callback()
        return result

    def close(self) -> None:
        """Close all idle connections."""
        self._engine.dispose()

    def _on_checkout(self, connection: BoundedConnection, *_: object) -> None:
        """Ping a connection that may be dead. If the ping fails, the pool opens a new one."""
        # A connection that was never used has just been opened, so it needs no ping.
        if connection.has_been_used and connection.may_be_dead():
            try:
                self._engine.dialect.do_ping(cast("DBAPIConnection", connection))
            except psycopg.Error as error:
                raise InvalidatePoolError from error
        connection.reply_seconds = self._limits.reply

    def _on_checkin(self, connection: BoundedConnection | None, *_: object) -> None:
        if connection is not None:  # None: the pool has discarded the connection
            connection.has_been_used = True
            connection.alive_at = time.monotonic()
            connection.reply_seconds = self._limits.ping  # limits the ping at the next checkout


def _refuse_late() -> None:
    """Raise DatabaseUnavailable if the deadline of the request has passed.

    Without this check, a late request would take a connection from the pool. The connection would
    then close itself because of the deadline, and the pool would have to open another one.
    """
    if call_deadline.is_over():
        raise errors.DatabaseUnavailable("the deadline of the request has passed")


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable for temporary errors of the pool and the driver."""
    try:
        yield
    except PoolTimeout as error:
        raise errors.DatabaseUnavailable("every connection is busy; try again") from error
    except (DBAPIError, psycopg.Error) as error:
        failures.count(error)
        if failures.may_pass(error):
            raise errors.DatabaseUnavailable(failures.describe(error)) from error
        raise
