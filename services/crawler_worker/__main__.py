"""Runs the crawler-worker process. The command is `crawljobs-worker`."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from typing import NoReturn

from crawler_worker import memory, worker_probes
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.worker import STUCK_PER_SLOT, Worker
from crawler_worker.crawl import phases
from crawler_worker.maintenance.history_recording import HistoryRecording
from crawler_worker.maintenance.refresher import Refresher
from crawler_worker.maintenance.revisiting import Revisiting
from crawler_worker.maintenance.step_resolving import StepResolver
from crawler_worker.maintenance.sweeps import Maintenance
from crawler_worker.reddit.client import RedditClient
from crawler_worker.worker_process import Task, WorkerProcess
from crawljobs import errors, settings
from crawljobs.db.database import Database
from crawljobs.domain import heartbeat_details
from crawljobs.runtime import comparable_settings, logs, process, service_arguments, tracing
from crawljobs.runtime.heartbeat import Heartbeat

# The number of database connections in addition to one for each crawl:
#
# - the claim loop
# - the completion writer
# - the sweeps
# - the operations (large changes of groups, in chunks)
# - the map
# - the resolver of steps
# - the pruning
# - the history
# - the refresher (it updates stored items)
OTHER_CONNECTIONS = 9
# The longest wait for a reply of the database, in seconds. If leases are shorter, the limit is the
# duration of a lease. After this time a sweep may rescue the job, so a later reply is of no use.
REPLY_SECONDS = 10.0


def command() -> NoReturn:
    """Run the process `crawljobs-worker`."""
    service_arguments.check(
        "crawljobs-worker",
        description="Claim jobs and crawl their subreddits. Run as many as the budget feeds.",
        settings="""
  DATABASE_URL            address of the database; required
  REDDIT_CLIENT_ID, REDDIT_CLIENT_SECRET, REDDIT_USER_AGENT
                          the client at Reddit; the first two are required
  WORKER_CONCURRENCY      crawls at the same time
  DRAIN_SECONDS           wait for running crawls at a stop
  PROBE_BIND              address of /healthz, /readyz, /startupz and /metrics
  LOG_FORMAT, LOG_LEVEL   the log on standard error
""",
        stop="it finishes pages for DRAIN_SECONDS, then releases its jobs.",
    )
    code = main()
    logging.shutdown()
    # os._exit() ends the process at once. sys.exit() would wait for the thread of a hanging sweep,
    # and a second signal during this wait would replace the exit code (decision 28).
    os._exit(code)


def main() -> int:
    memory.return_large_blocks()
    process.block_stop_signals()
    try:
        logs.configure("crawler-worker", os.environ)
        logs.log_misspelt_settings(os.environ)
        address = settings.read_database_settings(os.environ)
        queue = settings.read_queue_settings(os.environ)
        reddit = settings.read_reddit_settings(os.environ)
        crawl = settings.read_crawl_settings(os.environ)
        revisit = settings.read_revisit_settings(os.environ)
        checks = settings.read_deletion_check_settings(os.environ)
        retention = settings.read_retention_settings(os.environ)
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
    # Threads that send requests: one that updates stored items (the refresher), one for each crawl,
    # and one for each crawl that lost its claim and hangs.
    threads = 1 + queue.worker_concurrency * (1 + STUCK_PER_SLOT)
    client = RedditClient(reddit, database=database, threads=threads)

    def crawl_subreddit(held: HeldClaim) -> str:
        return phases.run(held.claim, database=database, client=client, settings=crawl, stop=held)

    resolver = StepResolver(database)
    worker = Worker(
        name=name,
        database=database,
        direct_url=address.direct_url,
        settings=queue,
        crawl=crawl_subreddit,
        on_hint=resolver.wake,
        on_claim=resolver.claimed,
    )
    revisiting = Revisiting(database, revisit, max_retries=max_retries)
    history = HistoryRecording(database, tally=client.tally, client_id=reddit.client_id)
    maintenance = Maintenance(database, queue, revisiting, retention, history)
    stopping = threading.Event()
    health = worker_probes.health_of(
        worker,
        maintenance,
        resolver,
        queue,
        readiness=worker_probes.readiness_of(address, f"crawljobs {name} probes"[:63]),
        stopping=stopping,
    )
    if probe_address is not None:
        try:
            worker_probes.serve(probe_address, health)
        except errors.SettingsError as error:
            sys.exit(f"crawler-worker: {error}")
    # Modules and settings stay in memory until the exit, so the garbage collector need not scan
    # them (decision 72).
    gc.freeze()
    heartbeat = Heartbeat(
        database,
        name=name,
        role="crawler-worker",
        details=lambda: {
            "concurrency": queue.worker_concurrency,
            heartbeat_details.DRAINING: stopping.is_set(),
            heartbeat_details.SETTINGS: comparable_settings.values(queue, crawl, checks),
        },
    )
    refresher = Refresher(
        database,
        client,
        client_id=reddit.client_id,
        crawl=crawl,
        checks=checks,
        refreshes_items=revisit.refresh_items,
    )
    tasks: list[Task] = [maintenance, resolver, heartbeat, refresher]
    return WorkerProcess(
        worker,
        tasks=tasks,
        database=database,
        address=address,
        reddit_api_url=reddit.api_url,
        health=health,
        stopping=stopping,
    ).run(drain_seconds=queue.drain_seconds)


if __name__ == "__main__":
    command()
