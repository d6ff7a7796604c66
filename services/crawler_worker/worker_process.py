"""Starts the worker, runs it until a signal or a failure, and stops it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from crawler_worker.claims.worker import Worker
from crawljobs import errors, settings
from crawljobs.db.database import Database
from crawljobs.repository.reddit_api import reddit_mixing
from crawljobs.runtime import logs, process, startup, tracing
from crawljobs.runtime.probes.health import Health

log = logs.get_logger(__name__)

# At shutdown, the worker first waits for running crawls (the drain). After the drain, the process
# waits at most this many seconds for replies of the database and for the release of claims.
LATE_SECONDS = 15.0


class Task(Protocol):
    """Work that the worker does in separate threads, beside the loop that claims jobs."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class WorkerProcess:
    """Waits until the database has the expected schema, then runs the worker and its tasks."""

    def __init__(
        self,
        worker: Worker,
        *,
        tasks: Sequence[Task],
        database: Database,
        address: settings.DatabaseSettings,
        reddit_api_url: str,
        health: Health,
        stopping: threading.Event,
    ) -> None:
        self._worker = worker
        self._tasks = tasks
        self._database = database
        self._address = address
        self._reddit_api_url = reddit_api_url
        self._health = health
        self._stopping = stopping
        self._code = 1

    def run(self, *, drain_seconds: float) -> int:
        """Run until a stop signal or a failure. Return the exit code of the process.

        The caller must call `process.block_stop_signals` first.
        """
        has_ended = process.run(
            self._work,
            thread_name="worker",
            on_stop=self._stop,
            grace_seconds=drain_seconds + LATE_SECONDS,
        )
        if not has_ended:
            log.critical("worker.stop_timed_out")
        tracing.stop()
        log.info("worker.stopped")
        return self._code

    def _stop(self) -> None:
        self._stopping.set()
        self._worker.stop()

    def _work(self) -> None:
        try:
            startup.wait_for_schema(self._database, stop=self._stopping)
            startup.check_direct_address(
                self._address, application_name="crawljobs start", stop=self._stopping
            )
            if not self._stopping.is_set():
                self._refuse_mixed_content()
            stop_requested = self._stopping.is_set() or self._serve()
            self._code = 0 if stop_requested else 1
        except (
            errors.SettingsError,
            errors.UnknownSchema,
            errors.DatabaseUnavailable,
        ) as error:
            log.critical("worker.start_failed", reason=str(error))
        except Exception:
            log.exception("worker.crashed")

    def _refuse_mixed_content(self) -> None:
        """Raise SettingsError if the database would mix content of Reddit and of another server."""
        with self._database.begin() as conn:
            reddit_mixing.refuse(conn, api_url=self._reddit_api_url)

    def _serve(self) -> bool:
        log.info("worker.started")
        for task in self._tasks:
            task.start()
        self._health.has_started()
        try:
            return self._worker.run()
        finally:
            for task in reversed(self._tasks):
                task.stop()
