"""Builds the worker's health check and readiness check, and serves its probes and metrics."""

from __future__ import annotations

import threading

from prometheus_client import REGISTRY, CollectorRegistry

from crawler_worker.claims.worker import Worker
from crawler_worker.maintenance.step_resolving import StepResolver
from crawler_worker.maintenance.sweeps import Maintenance
from crawljobs.db.database import Database
from crawljobs.db.timeouts import INTERACTIVE_TIMEOUTS
from crawljobs.runtime.probes import exposition
from crawljobs.runtime.probes.health import Health, Watched
from crawljobs.runtime.probes.probe_server import ProbeServer
from crawljobs.runtime.probes.readiness import Readiness
from crawljobs.settings import DatabaseSettings, ProbeAddress, QueueSettings

# The liveness probe fails if the claim loop makes no progress for two poll intervals plus this many
# seconds. The loop may need the additional time while the database is unreachable.
LOOP_LATE_SECONDS = 90.0
# The liveness probe fails if the lease keeper makes no progress for one lease duration plus this
# many seconds. The keeper may need the additional time to connect to the database again.
KEEPER_LATE_SECONDS = 15.0


def health_of(
    worker: Worker,
    maintenance: Maintenance,
    resolver: StepResolver,
    queue: QueueSettings,
    *,
    readiness: Readiness,
    stopping: threading.Event,
) -> Health:
    """Return the worker's health check: each watched thread must make progress within its limit."""
    loop, keeper = worker.seconds_since_beat, worker.keeper.seconds_since_beat
    return Health(
        readiness=readiness,
        stopping=stopping,
        watched={
            "claim loop": Watched(loop, 2 * queue.poll_seconds + LOOP_LATE_SECONDS),
            "claim keeper": Watched(keeper, queue.lease_seconds + KEEPER_LATE_SECONDS),
            "sweeps": Watched(maintenance.seconds_since_beat, 1.0),
            "step resolver": Watched(resolver.seconds_since_beat, 1.0),
        },
    )


def readiness_of(address: DatabaseSettings, name: str) -> Readiness:
    """Return the readiness check. It opens a database connection with this application name."""
    return Readiness(
        Database(
            address.url,
            pool_size=1,
            application_name=name,
            pooled=address.pooled,
            limits=INTERACTIVE_TIMEOUTS,
        )
    )


def serve(address: ProbeAddress, health: Health) -> ProbeServer:
    """Serve the probes and `/metrics`. Raises SettingsError if the address cannot be used."""
    registry = CollectorRegistry()
    for collector in (REGISTRY, exposition.BuildInfo("crawler-worker")):
        registry.register(collector)
    server = ProbeServer(address, {**health.pages(), "/metrics": exposition.page(registry)})
    server.start()
    return server
