"""The crawler-worker process: `python -m crawler_worker`."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading

from crawler_worker import memory, worker_probes
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.worker import STUCK_PER_SLOT, Worker
from crawler_worker.crawl import phases
from crawler_worker.maintenance.refresher import Refresher
from crawler_worker.maintenance.revisiting import Revisiting
from crawler_worker.maintenance.sweeps import Maintenance
from crawler_worker.reddit.client import RedditClient
from crawljobs import errors, settings
from crawljobs.db.database import Database
from crawljobs.runtime import logs, startup, tracing
from crawljobs.runtime.health import Health
from crawljobs.runtime.heartbeat import Heartbeat

log = logs.get_logger(__name__)

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
# Connections beside one for each crawl: claim loop, completion writer, sweeps, prune, refresher.
OTHER_CONNECTIONS = 5
# Longest wait for a reply of the database; one lease, if that is shorter, because the claim is lost
# after it.
REPLY_SECONDS = 10.0
# Longest wait after the drain, for a reply of the database and for the release of claims.
LATE_SECONDS = 15.0


class Process:
    """Runs the worker in a thread, while the main thread waits for a signal.

    No signal handler runs, so none can deadlock on a lock that the interrupted code holds. Later
    signals stay blocked and have no effect.
    """

    def __init__(
        self,
        worker: Worker,
        maintenance: Maintenance,
        refresher: Refresher | None,
        database: Database,
        address: settings.DatabaseSettings,
        drain_seconds: float,
        health: Health,
        heartbeat: Heartbeat,
        stopping: threading.Event,
    ) -> None:
        self._worker = worker
        self._maintenance = maintenance
        self._refresher = refresher
        self._database = database
        self._address = address
        self._drain_seconds = drain_seconds
        self._health = health
        self._heartbeat = heartbeat
        self._stopping = stopping
        self._code = 1
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def run(self) -> int:
        """Run until a signal or a failure; returns the exit code.

        The caller must have blocked STOP_SIGNALS in every thread.
        """
        self._thread.start()
        signal.sigwait(STOP_SIGNALS)
        self._stopping.set()
        self._worker.stop()
        self._thread.join(self._drain_seconds + LATE_SECONDS)
        if self._thread.is_alive():
            log.critical("worker.stop_timed_out")
        tracing.stop()
        log.info("worker.stopped")
        return self._code

    def _work(self) -> None:
        try:
            startup.wait_for_schema(self._database, stop=self._stopping)
            startup.check_direct_address(
                self._address, application_name="crawljobs start", stop=self._stopping
            )
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
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # wakes the main thread

    def _serve(self) -> bool:
        log.info("worker.started")
        self._maintenance.start()
        self._heartbeat.start()
        self._health.has_started()
        if self._refresher is not None:
            self._refresher.start()
        try:
            return self._worker.run()
        finally:
            if self._refresher is not None:
                self._refresher.stop()
            self._maintenance.stop()
            self._heartbeat.stop()


def main() -> int:
    memory.return_large_blocks()
    # Before any thread starts, because a thread inherits the signal mask: only the main thread
    # receives these signals, in sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        logs.configure("crawler-worker", os.environ)
        address = settings.read_database_settings(os.environ)
        queue = settings.read_queue_settings(os.environ)
        reddit = settings.read_reddit_settings(os.environ)
        crawl = settings.read_crawl_settings(os.environ)
        revisit = settings.read_revisit_settings(os.environ)
        max_retries = settings.read_max_retries(os.environ)
        probe_address = settings.read_probe_address(os.environ)
        tracing_settings = settings.read_tracing_settings(os.environ)
    except errors.SettingsError as error:
        sys.exit(f"crawler-worker: {error}")
    name = settings.read_instance_name(os.environ, "crawler-worker")
    tracing.start("crawler-worker", name, tracing_settings)
    database = Database(
        address.url,
        pool_size=queue.worker_concurrency + OTHER_CONNECTIONS,
        application_name=f"crawljobs {name}"[:63],
        pooled=address.pooled,
        reply_seconds=min(REPLY_SECONDS, queue.lease_seconds),
    )
    # One for the refresher; for each slot one, and the crawls that lost their claims and hang.
    threads = 1 + queue.worker_concurrency * (1 + STUCK_PER_SLOT)
    client = RedditClient(reddit, database=database, threads=threads)

    def crawl_subreddit(held: HeldClaim) -> str:
        return phases.run(held.claim, database=database, client=client, settings=crawl, stop=held)

    worker = Worker(
        name=name,
        database=database,
        direct_url=address.direct_url,
        settings=queue,
        crawl=crawl_subreddit,
    )
    revisiting = Revisiting(database, revisit, max_retries=max_retries)
    maintenance = Maintenance(database, queue, revisiting)
    stopping = threading.Event()
    health = worker_probes.health_of(
        worker,
        maintenance,
        queue,
        readiness=worker_probes.readiness_of(address, f"crawljobs {name} probes"[:63]),
        stopping=stopping,
    )
    if probe_address is not None:
        try:
            worker_probes.serve(probe_address, health)
        except errors.SettingsError as error:
            sys.exit(f"crawler-worker: {error}")
    gc.freeze()  # modules and settings stay until the exit: no need to scan them (decision 72)
    return Process(
        worker,
        maintenance,
        Refresher(database, client) if revisit.refresh_items else None,
        database,
        address,
        queue.drain_seconds,
        health,
        Heartbeat(
            database,
            name=name,
            role="crawler-worker",
            details=lambda: {"concurrency": queue.worker_concurrency},
        ),
        stopping,
    ).run()


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # sys.exit() would wait for a sweep that hangs, and a second signal would then kill the process
    # (decision 28).
    os._exit(code)
