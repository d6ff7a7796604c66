"""The scheduler process: `crawljobs-scheduler`."""

from __future__ import annotations

import gc
import os
import sys
import threading
from typing import NoReturn

from crawljobs import errors, settings
from crawljobs.db.database import Database
from crawljobs.domain import heartbeat_details
from crawljobs.repository import gauges
from crawljobs.runtime import (
    comparable_settings,
    logs,
    process,
    service_arguments,
    startup,
    tracing,
)
from crawljobs.runtime.heartbeat import Heartbeat
from crawljobs.runtime.probes.health import Health
from crawljobs.runtime.probes.readiness import Readiness
from scheduler import scheduler_probes
from scheduler.hints import Hints
from scheduler.timetable import Timetable, application_name
from scheduler.webhooks import assembly
from scheduler.webhooks.deliverer import Deliverer

log = logs.get_logger(__name__)

# The longest wait for the present batch of schedules at shutdown. A batch takes milliseconds. After
# this time the process abandons the batch, and the database server rolls the batch back.
GRACE_SECONDS = 0.8
POOL_SIZE = 2


class Process:
    """Starts the scheduler, fires schedules until a signal or a failure, and stops."""

    def __init__(
        self,
        database: Database,
        timetable: Timetable,
        hints: Hints,
        health: Health,
        heartbeat: Heartbeat,
        stop: threading.Event,
        deliverer: Deliverer | None = None,
    ) -> None:
        self._database = database
        self._health = health
        self._heartbeat = heartbeat
        self._timetable = timetable
        self._hints = hints
        self._stop = stop
        self._deliverer = deliverer
        self._failed = False

    def run(self) -> int:
        """Run until a signal or a failure, and return the exit code.

        The caller must call `process.block_stop_signals` first.
        """
        has_ended = process.run(
            self._work, thread_name="timetable", on_stop=self._stop_all, grace_seconds=GRACE_SECONDS
        )
        has_drained = self._deliverer is None or self._deliverer.drain()
        tracing.stop()
        if not has_ended:
            log.warning("scheduler.drain_abandoned", seconds=GRACE_SECONDS)
        exit_code = 1 if self._failed else 0
        if not (has_ended and has_drained):
            # A thread still runs, so a normal exit of the interpreter could crash.
            os._exit(exit_code)
        self._database.close()
        log.info("scheduler.stopped")
        return exit_code

    def _stop_all(self) -> None:
        self._stop.set()
        if self._deliverer is not None:
            self._deliverer.stop()
        self._timetable.wake()
        self._hints.stop()
        self._heartbeat.stop()

    def _work(self) -> None:
        try:
            startup.wait_for_schema(self._database, stop=self._stop)
            if not self._stop.is_set():
                self._hints.start()
                self._heartbeat.start()
                if self._deliverer is not None:
                    self._deliverer.start()
                self._health.has_started()
                log.info("scheduler.started")
                self._timetable.run()
        except (
            errors.SettingsError,
            errors.UnknownSchema,
            errors.DatabaseUnavailable,
        ) as error:
            self._failed = True
            log.critical("scheduler.start_failed", reason=str(error))
        except Exception:
            self._failed = True
            log.exception("scheduler.crashed")


def command() -> NoReturn:
    """Run the process `crawljobs-scheduler`."""
    service_arguments.check(
        "crawljobs-scheduler",
        description="Turn due schedules into jobs. Run two; they need no leader.",
        settings="""
  DATABASE_URL            address of the database; required
  SCHEDULER_TICK_SECONDS  longest wait between two looks at the schedules
  WEBHOOK_MASTER_KEY, WEBHOOK_MASTER_KEY_PREVIOUS, PUBLIC_URL
                          secrets of webhooks (off without a key), and the start of links
  WEBHOOK_ALLOW_HTTP, WEBHOOK_ALLOWED_NETWORKS, WEBHOOK_ALLOWED_PORTS, WEBHOOK_PROXY
                          the targets of webhooks
  PROBE_BIND              address of /healthz, /readyz, /startupz and /metrics
  LOG_FORMAT, LOG_LEVEL   the log on standard error
""",
        stop="it commits or abandons the present batch within a second; webhooks get 4 s.",
    )
    gc.freeze()  # so that the garbage collection at exit skips the modules
    sys.exit(main())


def main() -> int:
    process.block_stop_signals()
    try:
        logs.configure("scheduler", os.environ)
        logs.log_misspelt_settings(os.environ)
        chosen = settings.read_scheduler_settings(os.environ)
        address = settings.read_database_settings(os.environ)
        max_retries = settings.read_max_retries(os.environ)
        probed_at = settings.read_probe_address(os.environ)
        traced = settings.read_tracing_settings(os.environ)
        webhooks = settings.read_webhook_settings(os.environ)
        outbound = settings.read_outbound_settings(os.environ)
        connections = settings.read_connection_settings(os.environ)
    except errors.SettingsError as error:
        sys.exit(f"scheduler: {error}")
    name = settings.read_instance_name(os.environ, "scheduler")
    tracing.start("scheduler", name, traced)
    stop = threading.Event()
    database = Database(
        address.url,
        pool_size=POOL_SIZE,
        application_name=application_name(name),
        pooled=address.pooled,
    )
    timetable = Timetable(
        database,
        stop=stop,
        tick_seconds=chosen.tick_seconds,
        default_max_retries=max_retries,
    )
    hints = Hints(address.direct_url, name=name, on_hint=timetable.wake)
    deliverer = assembly.build(
        address,
        application_name=application_name(f"{name} webhooks"),
        webhooks=webhooks,
        outbound=outbound,
        connections=connections,
    )
    monitored = scheduler_probes.database_of(address, f"{name} probes")
    health = scheduler_probes.health_of(
        timetable,
        readiness=Readiness(monitored),
        stopping=stop,
        tick_seconds=chosen.tick_seconds,
        deliverer=deliverer,
    )
    if deliverer is None:
        log.info("webhooks.off", reason="WEBHOOK_MASTER_KEY is not set")
    if probed_at is not None:
        try:
            scheduler_probes.serve(probed_at, health, timetable, monitored)
        except errors.SettingsError as error:
            sys.exit(f"scheduler: {error}")
    heartbeat = Heartbeat(
        database,
        name=name,
        role="scheduler",
        details=lambda: {
            "tick_seconds": chosen.tick_seconds,
            heartbeat_details.SETTINGS: comparable_settings.values(chosen),
        },
        # No other service may see the transactions of all roles (`pg_read_all_stats`).
        observe=lambda conn: {
            heartbeat_details.OLDEST_TRANSACTION: gauges.oldest_transaction_seconds(conn)
        },
    )
    return Process(database, timetable, hints, health, heartbeat, stop, deliverer).run()


if __name__ == "__main__":
    command()
