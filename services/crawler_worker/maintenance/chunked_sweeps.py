"""Runs a sweep (a change of all rows that match a condition) in chunks, one transaction each."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from crawljobs.db.database import Database
from crawljobs.repository.queue.maintenance import job_maintenance
from crawljobs.repository.queue.maintenance.row_isolation import Change, RowIsolations
from crawljobs.runtime import logs

log = logs.get_logger(__name__)


class ChunkedSweeps:
    """Runs the sweeps of a process. Each sweep skips the rows that make its statement fail."""

    def __init__(self, database: Database, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._isolations = RowIsolations(database, at_most=job_maintenance.CHUNK)

    def run(
        self,
        action: str,
        change: Change,
        then: Callable[[], None] = lambda: None,
        *,
        seconds: float = math.inf,
        follows: bool = False,
    ) -> int:
        """Apply `change` in chunks until no row is left, `seconds` have passed or the worker stops.

        Call `then` after the commit of each chunk. If `follows` is true, each chunk starts after
        the last row of the previous chunk. Log the number of changed rows under the name `action`,
        and return the number. Raises DatabaseUnavailable.
        """
        until = time.monotonic() + seconds
        total = self._isolations.of(action).run(
            change,
            then=then,
            may_continue=lambda: time.monotonic() <= until and not self._stopping.is_set(),
            follows=follows,
        )
        if total:
            log.info(action, count=total)
        return total
