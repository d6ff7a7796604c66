"""The readiness check: whether the database answers within a deadline."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late

from crawljobs import errors
from crawljobs.db import schema
from crawljobs.db.database import Database

DEADLINE_SECONDS = 1.5  # /readyz promises a reply within 2 s


class Readiness:
    """Checks over a connection of its own, so that a full pool does not look like a dead database.

    At most one check runs at a time, and further callers wait for its result. So a database that
    never answers blocks one thread, not one thread for each probe.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._running: Future[None] | None = None

    def check(self) -> None:
        """Raises DatabaseUnavailable or UnknownSchema when requests could not be served."""
        running = self.start_check()
        try:
            running.result(timeout=DEADLINE_SECONDS)
        except Late:
            raise errors.DatabaseUnavailable(f"no answer within {DEADLINE_SECONDS} s") from None

    def start_check(self) -> Future[None]:
        """The check that is running, else a new one. Its result raises the errors of `check`."""
        with self._lock:
            if self._running is None or self._running.done():
                self._running = Future()
                self._start(self._running)
            return self._running

    def _start(self, result: Future[None]) -> None:
        run = threading.Thread(target=self._run, args=(result,), name="readiness", daemon=True)
        try:
            run.start()
        except RuntimeError:  # without a result, every later caller would wait for this check
            result.set_exception(errors.DatabaseUnavailable("no thread can be started"))

    def _run(self, result: Future[None]) -> None:
        try:
            with self._database.begin() as conn:
                schema.check_schema(conn)
                schema.check_writable(conn)
        except BaseException as error:  # noqa: BLE001 - the callers raise it
            result.set_exception(error)
        else:
            result.set_result(None)

    def close(self) -> None:
        self._database.close()
