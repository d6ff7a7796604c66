"""The pool of connections to Postgres, and the one place that retries a transaction."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import psycopg
import sqlalchemy
from psycopg import conninfo
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from crawljobs import errors
from crawljobs.db import committed, deadline, failures
from crawljobs.db.limits import PATIENT, Limits

__all__ = ["Connection", "Database", "connect"]

T = TypeVar("T")

CONFLICT_RETRIES = 8  # deadlock, serialization, lock timeout: short, so retried often
CONFLICT_BACKOFF_SECONDS = 0.01
# Nobody of ours thinks between two statements. Who is frozen there keeps its rows from the rescue,
# so this is below the usual lease of 30 s.
IDLE_IN_TRANSACTION_SECONDS = 15
SHORTEST_CONNECT_TIMEOUT_SECONDS = 2  # libpq knows no shorter one


def _session_settings(limits: Limits) -> dict[str, str]:
    """A session's own limits, for a database whose roles carry none."""
    return {
        "statement_timeout": f"{1000 * limits.statement:g}ms",
        "lock_timeout": f"{1000 * limits.lock:g}ms",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
        "timezone": "UTC",
    }


def _limit_transaction(limits: Limits) -> Callable[[Connection], None]:
    """For a pooler: it refuses start-up options, and its sessions are everybody's."""
    settings = _session_settings(limits)
    calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())

    def limit(conn: Connection) -> None:
        conn.exec_driver_sql(f"SELECT {calls}")

    return limit


def _parameters(
    url: str, application_name: str, limits: Limits, *, pooled: bool
) -> dict[str, object]:
    """Connection parameters that give every call a deadline of its own."""
    parameters: dict[str, object] = {
        "application_name": application_name,
        "connect_timeout": max(SHORTEST_CONNECT_TIMEOUT_SECONDS, math.ceil(limits.connect)),
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,  # ms: a silent network ends a write after this
    }
    if not pooled:
        own = conninfo.conninfo_to_dict(url).get("options") or ""
        settings = _session_settings(limits).items()
        parameters["options"] = " ".join([*(f"-c {n}={v}" for n, v in settings), str(own)]).strip()
    return parameters


class BoundedConnection(psycopg.Connection[Any]):
    """Broken when a reply takes longer than `reply_seconds`.

    A network that swallows packets, a frozen server or a pooler that hangs show no error at all.
    """

    reply_seconds = PATIENT.reply

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **options: Any) -> T:
        return super().wait(
            self._until(time.monotonic() + self.reply_seconds, gen), *args, **options
        )

    def _until(self, deadline: float, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The same generator; whoever waits for it comes back here several times a second."""
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if time.monotonic() >= deadline:
                    self.close()
                    raise psycopg.OperationalError(
                        f"the server did not reply within {self.reply_seconds:g} s"
                    )
                wanted = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result


def connect(
    url: str,
    application_name: str,
    *,
    pooled: bool = False,
    reply_seconds: float | None = None,
    limits: Limits = PATIENT,
) -> BoundedConnection:
    """One connection whose every wait has a deadline."""
    parameters = _parameters(url, application_name, limits, pooled=pooled)

    def open_connection() -> BoundedConnection:
        return BoundedConnection.connect(url, **parameters)  # type: ignore[arg-type]

    if limits.connect >= SHORTEST_CONNECT_TIMEOUT_SECONDS:
        connection = open_connection()
    else:
        connection = deadline.within(limits.connect, open_connection)
    connection.reply_seconds = limits.reply if reply_seconds is None else reply_seconds
    if pooled:
        connection.prepare_threshold = None  # another session may get the next statement
    return connection


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
        limits: Limits = PATIENT,
    ) -> None:
        if reply_seconds is not None:
            limits = replace(limits, reply=reply_seconds, ping=min(limits.ping, reply_seconds))
        self._limits = limits
        self._engine = sqlalchemy.create_engine(
            "postgresql+psycopg://",
            # psycopg parses the address itself: SQLAlchemy's own parser knows fewer forms of it.
            creator=lambda: connect(
                url, application_name, pooled=pooled, reply_seconds=limits.ping, limits=limits
            ),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=limits.pool,
            pool_pre_ping=True,
        )
        # Single statements that only read need no transaction, and so no BEGIN and COMMIT.
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._pooled = pooled
        if pooled:
            event.listen(self._engine, "begin", _limit_transaction(limits))
        # While a connection lies in the pool its limit is that of the ping that comes first.
        event.listen(self._engine, "checkout", _limit_replies(limits.reply))
        event.listen(self._engine, "checkin", _limit_replies(limits.ping))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """For reading: each statement sees what was committed when it began."""
        if self._pooled:  # its limits are those of a transaction
            with self.begin() as conn:
                yield conn
            return
        with _as_ours(), self._reading.connect() as conn:
            yield conn

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with _as_ours(), self._engine.begin() as conn:
            committed.taken(conn)
            yield conn
            acts = committed.taken(conn)
        for act in acts:
            act()

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; again when it deadlocked, conflicted or waited too long."""
        give_up_at = time.monotonic() + self._limits.conflicts
        for attempt in range(CONFLICT_RETRIES):
            try:
                with self._engine.begin() as conn:
                    committed.taken(conn)
                    result = work(conn)
                    acts = committed.taken(conn)
                break
            except (DBAPIError, PoolTimeout, psycopg.Error) as error:
                again = attempt + 1 < CONFLICT_RETRIES and time.monotonic() < give_up_at
                if not (failures.is_conflict(error) and again):
                    with _as_ours():
                        raise
                failures.count(error)
                longest = CONFLICT_BACKOFF_SECONDS * 2**attempt
                time.sleep(random.uniform(0, longest))  # noqa: S311 - jitter, not a secret
        else:
            raise AssertionError("the last attempt ends the loop or raises")
        for act in acts:
            act()
        return result

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def _as_ours() -> Iterator[None]:
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


def _limit_replies(seconds: float) -> Callable[..., None]:
    def limit(connection: BoundedConnection | None, *_: object) -> None:
        if connection is not None:  # it may have been thrown away
            connection.reply_seconds = seconds

    return limit
