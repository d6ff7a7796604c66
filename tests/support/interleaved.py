"""Run two transactions at the same time, to find deadlocks. Both are rolled back at the end."""

import threading
from collections.abc import Callable
from typing import Any, cast

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crawljobs.db.database import Connection, Database
from support.waiting import wait_until

Work = Callable[[Connection], object]
DEADLINE_SECONDS = 20.0

_WAITS = text("SELECT cardinality(pg_blocking_pids(:pid)) > 0")


class _Undo(Exception):
    """Raised to end a transaction without a commit."""


def statements(database: Database, work: Work) -> int:
    """Return how many statements the transaction `work` sends."""
    sent: list[int] = []
    _undone(database, work, after_statement=sent.append)
    return len(sent)


def deadlocks(database: Database, first: Work, second: Work, *, after: int) -> bool:
    """Return whether the two transactions deadlock.

    `second` begins after the first `after` statements of `first`. `first` continues when `second`
    has ended or waits for a lock.
    """
    pids: list[int] = []
    failed: list[BaseException] = []

    def run_second() -> None:
        try:
            _undone(database, second, began=pids.append)
        except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
            failed.append(error)

    thread = threading.Thread(target=run_second)

    def hand_over(number: int) -> None:
        if number == after:
            thread.start()
            wait_until(is_stopped, timeout=DEADLINE_SECONDS, describe="ends or waits", every=0.001)

    def is_stopped() -> bool:
        return not thread.is_alive() or (bool(pids) and _waits(database, pids[0]))

    try:
        _undone(database, first, after_statement=hand_over)
    except BaseException as error:  # noqa: BLE001 - raised below
        failed.append(error)
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
    unexpected = [error for error in failed if not _is_deadlock(error)]
    if unexpected:
        raise unexpected[0]
    return bool(failed)


def _undone(
    database: Database,
    work: Work,
    *,
    after_statement: Callable[[int], object] = lambda _number: None,
    began: Callable[[int], object] = lambda _pid: None,
) -> None:
    class Noting(psycopg.Cursor[Any]):
        """Counts each statement, also statements that the code sends without SQLAlchemy."""

        def execute(self, *arguments: Any, **options: Any) -> Any:
            result = super().execute(*arguments, **options)
            nonlocal sent
            sent += 1
            after_statement(sent)
            return result

    sent = 0
    try:
        with database.begin() as conn:
            driver = cast("psycopg.Connection[Any]", conn.connection.driver_connection)
            driver.cursor_factory = Noting
            began(driver.info.backend_pid)
            try:
                work(conn)
            finally:
                driver.cursor_factory = psycopg.Cursor
            conn.get_transaction().rollback()
    except _Undo:
        return


def _waits(database: Database, pid: int) -> bool:
    with database.begin() as conn:
        return bool(conn.execute(_WAITS, {"pid": pid}).scalar_one())


def _is_deadlock(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, DBAPIError):
            cause = cause.orig
        if isinstance(cause, psycopg.errors.DeadlockDetected):
            return True
        cause = cause.__cause__ if cause is not None else None
    return False
