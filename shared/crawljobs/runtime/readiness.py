"""Whether the database answers, found out within a deadline whatever the network does."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late

from crawljobs import errors
from crawljobs.db import schema
from crawljobs.db.database import Database

DEADLINE_SECONDS = 1.5  # /readyz promises an answer within 2 s


class Readiness:
    """Asks over a connection of its own, so that a full pool does not look like a dead database.

    At most one question is under way: callers that come meanwhile wait for the same answer, so a
    database that never answers costs one thread and not one for each probe.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._question: Future[None] | None = None

    def check(self) -> None:
        """Raises DatabaseUnavailable or UnknownSchema when requests could not be served."""
        question = self.ask()
        try:
            question.result(timeout=DEADLINE_SECONDS)
        except Late:
            raise errors.DatabaseUnavailable(f"no answer within {DEADLINE_SECONDS} s") from None

    def ask(self) -> Future[None]:
        """The question under way, else a new one; its result is as `check`'s."""
        with self._lock:
            if self._question is None or self._question.done():
                self._question = Future()
                threading.Thread(
                    target=self._answer, args=(self._question,), name="readiness", daemon=True
                ).start()
            return self._question

    def _answer(self, question: Future[None]) -> None:
        try:
            with self._database.begin() as conn:
                schema.check_schema(conn)
                schema.check_writable(conn)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller
            question.set_exception(error)
        else:
            question.set_result(None)

    def close(self) -> None:
        self._database.close()
