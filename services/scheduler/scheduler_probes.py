"""Probes and metrics of the scheduler. No other service exports the gauges from the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from crawljobs.db.database import Database
from crawljobs.db.timeouts import INTERACTIVE_TIMEOUTS
from crawljobs.runtime.probes import exposition
from crawljobs.runtime.probes.health import Health, Watched
from crawljobs.runtime.probes.probe_server import ProbeServer
from crawljobs.runtime.probes.queue_gauges import QueueGauges
from crawljobs.runtime.probes.readiness import Readiness
from crawljobs.runtime.probes.table_size_gauges import TableSizes
from crawljobs.settings import DatabaseSettings, ProbeAddress
from scheduler.timetable import Timetable
from scheduler.webhooks.deliverer import Deliverer

# The liveness probe fails if the timetable makes no step for `tick_seconds` plus this time. A batch
# takes less time, even if the database is overloaded. The longest pause after a failure is shorter
# too.
LATE_SECONDS = 90.0
# The liveness probe also fails if the deliverer of webhooks makes no step for this time. Several
# transactions with their retries take less time.
DELIVERER_LATE_SECONDS = 240.0


class LastTick(Collector):
    """Exports the time of the last completed check for due schedules, after the first check."""

    def __init__(self, timetable: Timetable) -> None:
        self._timetable = timetable

    def collect(self) -> Iterator[Metric]:
        if (age := self._timetable.seconds_since_tick()) is not None:
            yield GaugeMetricFamily(
                "crawl_scheduler_last_tick_timestamp_seconds",
                "Time of the last completed check for due schedules by this scheduler.",
                value=time.time() - age,
            )


def health_of(
    timetable: Timetable,
    *,
    readiness: Readiness,
    stopping: threading.Event,
    tick_seconds: float,
    deliverer: Deliverer | None = None,
) -> Health:
    limit = tick_seconds + LATE_SECONDS
    watched = {"timetable": Watched(timetable.seconds_since_beat, limit)}
    if deliverer is not None:
        watched["webhooks"] = Watched(deliverer.seconds_since_beat, DELIVERER_LATE_SECONDS)
    return Health(readiness=readiness, stopping=stopping, watched=watched)


def database_of(address: DatabaseSettings, name: str) -> Database:
    """Return a separate connection pool, so that monitoring queries do not wait for other work."""
    return Database(
        address.url,
        pool_size=2,
        application_name=name,
        pooled=address.pooled,
        limits=INTERACTIVE_TIMEOUTS,
    )


def serve(
    address: ProbeAddress, health: Health, timetable: Timetable, database: Database
) -> ProbeServer:
    registry = CollectorRegistry()
    gauges = QueueGauges(database)
    for collector in (
        *(REGISTRY, exposition.BuildInfo("scheduler"), LastTick(timetable)),
        # The table sizes come last, because they are read only after the gauges were read with
        # success.
        *(gauges, TableSizes(database, is_database_up=lambda: gauges.is_database_up)),
    ):
        registry.register(collector)
    server = ProbeServer(address, {**health.pages(), "/metrics": exposition.page(registry)})
    server.start()
    return server
