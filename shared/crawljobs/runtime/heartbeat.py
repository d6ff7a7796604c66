"""A process says now and then that it is there. Only shown to operators: nothing relies on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.repository.operations import service_instances
from crawljobs.runtime import jitter, logs, startup
from crawljobs.version import VERSION

log = logs.get_logger(__name__)

# One small write for each process; operators see it as gone after three in vain.
SAY_SECONDS = 20.0
JITTER = 0.2
STOP_SECONDS = 0.2  # a row that stays is only shown as gone


class Heartbeat:
    """Writes from a thread of its own, so that a database that hangs holds up nobody else."""

    def __init__(
        self,
        database: Database,
        *,
        name: str,
        role: str,
        details: Callable[[], Mapping[str, Any]],
        say_seconds: float = SAY_SECONDS,
    ) -> None:
        self._database = database
        self._name = name
        self._role = role
        self._details = details
        self._say_seconds = say_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take the row away, if that goes quickly."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        starts = True
        while not self._stopping.is_set():
            if self._say(starts=starts):
                starts = False
            spread = jitter.uniform(1 - JITTER, 1 + JITTER)
            self._stopping.wait(self._say_seconds * spread)
        self._take_back()

    def _say(self, *, starts: bool) -> bool:
        try:
            self._database.run(
                lambda conn: service_instances.seen(
                    conn,
                    name=self._name,
                    role=self._role,
                    version=VERSION,
                    details=self._details(),
                    starts=starts,
                )
            )
            if starts:
                startup.warn_of_needless_rights(self._database)
        except errors.DatabaseUnavailable as error:
            log.debug("presence.not_said", reason=str(error))
            return False
        except Exception:  # a missing right, say, which may be given while the process runs
            log.exception("presence.failed")
            return False
        return True

    def _take_back(self) -> None:
        try:
            self._database.run(lambda conn: service_instances.gone(conn, name=self._name))
        except errors.DatabaseUnavailable as error:
            log.debug("presence.not_taken_back", reason=str(error))
        except Exception:
            log.exception("presence.failed")
