"""The pool of connections to Postgres, and the one place that retries a transaction."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
import sqlalchemy
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from crawljobs import errors
from crawljobs.db import failures

__all__ = ["Connection", "Database", "connect"]

T = TypeVar("T")

CONNECT_TIMEOUT_SECONDS = 5
POOL_TIMEOUT_SECONDS = 5  # a full pool answers within this, never hangs
# Longer than the limit of a statement on the server, so that its own answer comes first.
REPLY_SECONDS = 35.0
CONFLICT_RETRIES = 8  # deadlock, serialization, lock timeout: short, so retried often
CONFLICT_BACKOFF_SECONDS = 0.01

# A session's own limits, for a database whose roles carry none. A pooler refuses start-up
# options, so a pooled address relies on ALTER ROLE.
SESSION_OPTIONS = (
    "-c statement_timeout=30s -c lock_timeout=5s "
    "-c idle_in_transaction_session_timeout=60s -c timezone=UTC"
)


def _parameters(application_name: str, *, pooled: bool) -> dict[str, object]:
    """Connection parameters that give every call a deadline of its own."""
    parameters: dict[str, object] = {
        "application_name": application_name,
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,  # ms: a silent network ends a write after this
    }
    if not pooled:
        parameters["options"] = SESSION_OPTIONS
    return parameters


class BoundedConnection(psycopg.Connection[Any]):
    """Broken when a reply takes longer than `reply_seconds`.

    A network that swallows packets, a frozen server or a pooler that hangs show no error at all.
    """

    reply_seconds = REPLY_SECONDS

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
    reply_seconds: float = REPLY_SECONDS,
) -> BoundedConnection:
    """One connection whose every wait has a deadline."""
    parameters = _parameters(application_name, pooled=pooled)
    connection = BoundedConnection.connect(url, **parameters)  # type: ignore[arg-type]
    connection.reply_seconds = reply_seconds
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
        reply_seconds: float = REPLY_SECONDS,
    ) -> None:
        self._engine = sqlalchemy.create_engine(
            "postgresql+psycopg://",
            # psycopg parses the address itself: SQLAlchemy's own parser knows fewer forms of it.
            creator=lambda: connect(
                url, application_name, pooled=pooled, reply_seconds=reply_seconds
            ),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_SECONDS,
            pool_pre_ping=True,
        )

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as conn:
                yield conn
        except PoolTimeout as error:
            raise errors.DatabaseUnavailable("every connection is busy; try again") from error
        except (DBAPIError, psycopg.Error) as error:
            if failures.may_pass(error):
                raise errors.DatabaseUnavailable(failures.describe(error)) from error
            raise

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; again when it deadlocked, conflicted or waited too long."""
        for attempt in range(CONFLICT_RETRIES):
            try:
                with self._engine.begin() as conn:
                    return work(conn)
            except PoolTimeout as error:
                raise errors.DatabaseUnavailable("every connection is busy; try again") from error
            except (DBAPIError, psycopg.Error) as error:
                if failures.is_conflict(error) and attempt + 1 < CONFLICT_RETRIES:
                    longest = CONFLICT_BACKOFF_SECONDS * 2**attempt
                    time.sleep(random.uniform(0, longest))  # noqa: S311 - jitter, not a secret
                    continue
                if failures.may_pass(error):
                    raise errors.DatabaseUnavailable(failures.describe(error)) from error
                raise
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        self._engine.dispose()
