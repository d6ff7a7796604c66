"""The scheduler process: `python -m scheduler`."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading

from crawljobs import errors, settings
from crawljobs.db.database import Database
from crawljobs.runtime import logs, startup, tracing
from crawljobs.runtime.health import Health
from crawljobs.runtime.heartbeat import Heartbeat
from crawljobs.runtime.readiness import Readiness
from scheduler import scheduler_probes
from scheduler.hints import Hints
from scheduler.timetable import Timetable, application_name

log = logs.get_logger(__name__)

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
# A batch takes milliseconds. One that hangs is given up: the server rolls it back.
GRACE_SECONDS = 0.8
POOL_SIZE = 2


class Process:
    """Works in a thread; the main thread does nothing but wait for a signal, so none is missed."""

    def __init__(
        self,
        database: Database,
        timetable: Timetable,
        hints: Hints,
        health: Health,
        heartbeat: Heartbeat,
        stop: threading.Event,
    ) -> None:
        self._database = database
        self._health = health
        self._presence = heartbeat
        self._timetable = timetable
        self._hints = hints
        self._stop = stop
        self._failed = False
        self._thread = threading.Thread(target=self._work, name="timetable", daemon=True)

    def run(self) -> int:
        """Until a signal or a failure; the exit code. The caller has blocked STOP_SIGNALS."""
        self._thread.start()
        signal.sigwait(STOP_SIGNALS)
        self._stop.set()
        self._timetable.wake()
        self._hints.stop()
        self._presence.stop()
        self._thread.join(GRACE_SECONDS)
        tracing.stop()
        if self._thread.is_alive():
            log.warning("scheduler.gave_up_waiting", seconds=GRACE_SECONDS)
            # The interpreter's own way out could stumble over the thread.
            os._exit(0)
        self._database.close()
        log.info("scheduler.stopped")
        return 1 if self._failed else 0

    def _work(self) -> None:
        try:
            startup.wait_for_schema(self._database, stop=self._stop)
            if not self._stop.is_set():
                self._hints.start()
                self._presence.start()
                self._health.has_started()
                log.info("scheduler.started")
                self._timetable.run()
        except (
            errors.SettingsError,
            errors.UnknownSchema,
            errors.DatabaseUnavailable,
        ) as error:
            self._failed = True
            log.critical("scheduler.cannot_start", reason=str(error))
        except Exception:
            self._failed = True
            log.exception("scheduler.crashed")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # wakes the main thread


def main() -> int:
    # Before any thread starts, so that every thread leaves these signals to the main one.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        logs.configure("scheduler", os.environ)
        chosen = settings.read_scheduler_settings(os.environ)
        address = settings.read_database_settings(os.environ)
        max_retries = settings.read_max_retries(os.environ)
        probed_at = settings.read_probe_address(os.environ)
        traced = settings.read_tracing_settings(os.environ)
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
    monitored = scheduler_probes.database_of(address, f"{name} probes")
    health = scheduler_probes.health_of(
        timetable, readiness=Readiness(monitored), stopping=stop, tick_seconds=chosen.tick_seconds
    )
    if probed_at is not None:
        try:
            scheduler_probes.serve(probed_at, health, timetable, monitored)
        except errors.SettingsError as error:
            sys.exit(f"scheduler: {error}")
    heartbeat = Heartbeat(
        database,
        name=name,
        role="scheduler",
        details=lambda: {"tick_seconds": chosen.tick_seconds},
    )
    return Process(database, timetable, hints, health, heartbeat, stop).run()


if __name__ == "__main__":
    gc.freeze()  # what was imported stays: collecting it takes longest when the process ends
    sys.exit(main())
