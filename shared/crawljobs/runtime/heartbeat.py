"""The heartbeat of a process: a thread that updates a row of service_instances regularly.

The row shows operators that the process runs. No rule of the queue depends on the row.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain import heartbeat_details
from crawljobs.repository.operations import service_instances
from crawljobs.runtime import jitter, logs, startup
from crawljobs.version import VERSION

log = logs.get_logger(__name__)

# The interval between two updates of the row. After three missed updates, operators see the process
# as gone.
BEAT_SECONDS = 20.0
JITTER = 0.2  # each interval is longer or shorter at random, by at most this share
# STOP_SECONDS limits the time for deleting the row at shutdown. If the row is not deleted,
# operators see the process as gone after three missed updates.
STOP_SECONDS = 0.2


class Heartbeat:
    """Writes heartbeats in a separate thread, so that a hanging database blocks no other work."""

    def __init__(
        self,
        database: Database,
        *,
        name: str,
        role: str,
        details: Callable[[], Mapping[str, Any]],
        observe: Callable[[Connection], Mapping[str, Any]] | None = None,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        """`details` describes the process. `observe` adds what the process reads in the database.

        Each heartbeat also has the time of the process's clock.
        """
        self._database = database
        self._name = name
        self._role = role
        self._details = details
        self._observe = observe
        self._beat_seconds = beat_seconds
        self._run_id = uuid.uuid4()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    @property
    def name(self) -> str:
        """The name of the process in its heartbeats."""
        return self._name

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, which then deletes the process's row. Waits at most STOP_SECONDS."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        starts = True
        while not self._stopping.is_set():
            if self._beat(starts=starts):
                starts = False
            spread = jitter.uniform(1 - JITTER, 1 + JITTER)
            self._stopping.wait(self._beat_seconds * spread)
        self._delete()

    def _beat(self, *, starts: bool) -> bool:
        """Write the process's row, and return whether the write succeeded.

        `starts` is true until the first write has succeeded.
        """
        try:
            self._database.run(lambda conn: self._write(conn, starts=starts))
            if starts:
                startup.warn_of_needless_rights(self._database)
        except errors.DatabaseUnavailable as error:
            log.debug("heartbeat.write_failed", reason=str(error))
            return False
        except Exception:  # go on: an administrator may still grant a missing right
            log.exception("heartbeat.failed")
            return False
        return True

    def _write(self, conn: Connection, *, starts: bool) -> None:
        observed = {} if self._observe is None else self._observe(conn)
        clock = {heartbeat_details.CLOCK: datetime.now(UTC).isoformat()}
        service_instances.seen(
            conn,
            name=self._name,
            role=self._role,
            version=VERSION,
            details={**self._details(), **observed, **clock},
            run_id=self._run_id,
            starts=starts,
        )

    def _delete(self) -> None:
        try:
            self._database.run(lambda conn: service_instances.gone(conn, name=self._name))
        except errors.DatabaseUnavailable as error:
            log.debug("heartbeat.delete_failed", reason=str(error))
        except Exception:
            log.exception("heartbeat.failed")
