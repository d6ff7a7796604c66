"""The readiness check: the database must answer, and accept writes, within a deadline."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late

from crawljobs import errors
from crawljobs.db import schema
from crawljobs.db.database import Database

DEADLINE_SECONDS = 1.5  # shorter than the 2 s within which /readyz must reply


class Readiness:
    """Checks the database over a separate connection.

    Otherwise a pool without a free connection would look like a dead database. Only one check runs
    at a time, and other callers wait for its result. So a database that never answers blocks only
    one thread.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._running: Future[None] | None = None

    def check(self) -> None:
        """Raise DatabaseUnavailable or UnknownSchema if the database cannot be used now."""
        running = self.start_check()
        try:
            running.result(timeout=DEADLINE_SECONDS)
        except Late:
            raise errors.DatabaseUnavailable(f"no answer within {DEADLINE_SECONDS} s") from None

    def start_check(self) -> Future[None]:
        """Return the check that is running, or start a new one.

        The Future raises the same errors as `check`, but the caller must limit the time that it
        waits for the Future.
        """
        with self._lock:
            if self._running is None or self._running.done():
                self._running = Future()
                self._start(self._running)
            return self._running

    def _start(self, result: Future[None]) -> None:
        run = threading.Thread(target=self._run, args=(result,), name="readiness", daemon=True)
        try:
            run.start()
        except RuntimeError:  # no thread started, so no other code would set a result
            result.set_exception(errors.DatabaseUnavailable("no thread can be started"))

    def _run(self, result: Future[None]) -> None:
        try:
            with self._database.begin() as conn:
                schema.check_schema(conn)
                schema.check_writable(conn)
        except BaseException as error:  # noqa: BLE001 - the callers of `check` raise it
            result.set_exception(error)
        else:
            result.set_result(None)

    def close(self) -> None:
        self._database.close()
