"""A gauge with the sizes of the largest tables. A request for /metrics reads the sizes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import DBAPIError

from crawljobs import errors
from crawljobs.db import failures
from crawljobs.db.database import Database
from crawljobs.repository import table_sizes
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

# The sizes are kept for this time: they change slowly, and their query opens every file of the
# tables.
KEPT_SECONDS = 60.0


class TableSizes(Collector):
    """Exports the sizes of the largest tables. Exports none while the database does not answer.

    `is_database_up` returns whether another query of the same scrape was answered. If both queries
    waited for a silent database, the scrape would exceed Prometheus' timeout of 10 s.
    """

    def __init__(self, database: Database, *, is_database_up: Callable[[], bool]) -> None:
        self._database = database
        self._is_database_up = is_database_up
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._last: dict[str, int] = {}

    def describe(self) -> list[Metric]:
        return []  # without `describe`, the registry would call `collect` and query the database

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "crawl_db_table_bytes",
            "Size of a table with its indexes, of the 10 largest tables.",
            labels=["table"],
        )
        for table, size in self._current().items():
            family.add_metric([table], size)
        yield family

    def _current(self) -> dict[str, int]:
        with self._lock:
            if not self._is_database_up():
                self._last, self._read_at = {}, float("-inf")
            elif time.monotonic() - self._read_at >= KEPT_SECONDS:
                self._last = self._read()
                self._read_at = time.monotonic()
            return self._last

    def _read(self) -> dict[str, int]:
        try:
            return self._database.run(table_sizes.largest_tables)
        except errors.DatabaseUnavailable as error:
            log.warning("table_sizes.unavailable", reason=str(error))
        except DBAPIError as error:  # for example, a table or a right is missing
            log.warning("table_sizes.unavailable", reason=failures.describe(error))
        return {}
