"""The pool of connections to Postgres, and the one place that retries a transaction."""

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
from crawljobs.runtime import jitter

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

__all__ = ["Connection", "Database", "connect"]

T = TypeVar("T")

CONFLICT_RETRIES = 8  # deadlock, serialization, lock timeout: short, so retried often
CONFLICT_BACKOFF_SECONDS = 0.01


def _limit_transaction(limits: Timeouts) -> Callable[[Connection], None]:
    """For a pooler: it refuses start-up options, and its sessions are everybody's."""
    settings = session_settings(limits)
    calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())

    def limit(conn: Connection) -> None:
        conn.exec_driver_sql(f"SELECT {calls}")

    return limit


class Database:
    """A pool. `begin()` is one transaction; `run(work)` one that is retried on conflicts.

    Both raise DatabaseUnavailable for whatever may pass by itself.
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
        pulse: ServerLiveness | None = None,
    ) -> None:
        if reply_seconds is not None:
            limits = replace(limits, reply=reply_seconds, ping=min(limits.ping, reply_seconds))
        self._limits = limits

        def open_connection() -> BoundedConnection:
            connection = connect(
                url, application_name, pooled=pooled, reply_seconds=limits.ping, limits=limits
            )
            connection.pulse = pulse
            return connection

        self._engine = sqlalchemy.create_engine(
            "postgresql+psycopg://",
            # psycopg parses the address itself: SQLAlchemy's own parser knows fewer forms of it.
            creator=open_connection,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=limits.pool,
            hide_parameters=True,  # errors go into logs, and what is stored may be secret
            # A single statement is a transaction by itself, and needs no BEGIN and COMMIT. The
            # busiest calls are such, so they shall not have to change the mode of a connection.
            isolation_level="AUTOCOMMIT",
        )
        self._transactions = self._engine.execution_options(isolation_level="READ COMMITTED")
        self._pooled = pooled
        if pooled:
            event.listen(self._transactions, "begin", _limit_transaction(limits))
        event.listen(self._engine, "checkout", self._use)
        event.listen(self._engine, "checkin", self._on_checkin)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """For reading: each statement sees what was committed when it began."""
        if self._pooled:  # its limits are those of a transaction
            with self.begin() as conn:
                yield conn
            return
        _refuse_late()
        with _translate_errors(), self._engine.connect() as conn:
            yield conn

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        _refuse_late()
        with _translate_errors(), self._transactions.begin() as conn:
            after_commit.pop_callbacks(conn)
            yield conn
            acts = after_commit.pop_callbacks(conn)
        for act in acts:
            act()

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; again when it deadlocked, conflicted or waited too long."""
        return self._run(self._transactions, work)

    def run_statement(self, work: Callable[[Connection], T]) -> T:
        """The same for work of one statement: two round trips less. Through a pooler as `run`."""
        return self._run(self._transactions if self._pooled else self._engine, work)

    def ask(self) -> None:
        """Only whether the server answers: a connection that was just used is taken for alive."""
        self.run_statement(lambda conn: conn.exec_driver_sql("SELECT 1"))

    def _run(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        _refuse_late()
        give_up_at = min(time.monotonic() + self._limits.conflicts, call_deadline.until())
        for attempt in range(CONFLICT_RETRIES):
            try:
                with engine.begin() as conn:
                    after_commit.pop_callbacks(conn)
                    result = work(conn)
                    acts = after_commit.pop_callbacks(conn)
                break
            except (DBAPIError, PoolTimeout, psycopg.Error) as error:
                again = attempt + 1 < CONFLICT_RETRIES and time.monotonic() < give_up_at
                if not (failures.is_conflict(error) and again):
                    with _translate_errors():
                        raise
                failures.count(error)
                longest = CONFLICT_BACKOFF_SECONDS * 2**attempt
                time.sleep(jitter.uniform(0, longest))
        else:
            raise AssertionError("the last attempt ends the loop or raises")
        for act in acts:
            act()
        return result

    def close(self) -> None:
        self._engine.dispose()

    def _use(self, connection: BoundedConnection, *_: object) -> None:
        """Before each use; the pool opens another connection instead of one that has died."""
        # A new one that is dead already fails its first statement, as any may.
        if connection.has_been_used and connection.may_be_dead():
            try:
                self._engine.dialect.do_ping(cast("DBAPIConnection", connection))
            except psycopg.Error as error:
                raise InvalidatePoolError from error
        connection.reply_seconds = self._limits.reply

    def _on_checkin(self, connection: BoundedConnection | None, *_: object) -> None:
        if connection is not None:  # it may have been thrown away
            connection.has_been_used = True
            connection.alive_at = time.monotonic()
            connection.reply_seconds = self._limits.ping  # of the ping that may come first


def _refuse_late() -> None:
    """Before a connection is taken: none shall be thrown away for a caller who has gone."""
    if call_deadline.is_over():
        raise errors.DatabaseUnavailable("there is no time left to ask the database")


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Errors of the pool and the driver as ours, where they are no bugs."""
    try:
        yield
    except PoolTimeout as error:
        raise errors.DatabaseUnavailable("every connection is busy; try again") from error
    except (DBAPIError, psycopg.Error) as error:
        failures.count(error)
        if failures.may_pass(error):
            raise errors.DatabaseUnavailable(failures.describe(error)) from error
        raise
