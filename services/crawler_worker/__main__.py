"""The crawler-worker process: `python -m crawler_worker`."""

from __future__ import annotations

import os
import signal
import sys
import threading

from crawler_worker.crawl import crawl
from crawler_worker.held_claim import HeldClaim
from crawler_worker.maintenance import Maintenance
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.limiter import Limiter
from crawler_worker.worker import Worker
from crawljobs import errors, logs, settings, startup
from crawljobs.db.database import Database

log = logs.get_logger(__name__)

OTHER_CONNECTIONS = 2  # beside one a crawl: the claim loop and the sweeps


def main() -> int:
    try:
        logs.configure("crawler-worker", os.environ)
        address = settings.read_database_settings(os.environ)
        queue = settings.read_queue_settings(os.environ)
        reddit = settings.read_reddit_settings(os.environ)
        extent = settings.read_crawl_settings(os.environ)
    except errors.SettingsError as error:
        sys.exit(f"crawler-worker: {error}")
    name = settings.read_instance_name(os.environ, "crawler-worker")
    database = Database(
        address.url,
        pool_size=queue.worker_concurrency + OTHER_CONNECTIONS,
        application_name=f"crawljobs {name}"[:63],
        pooled=address.pooled,
    )
    client = RedditClient(reddit, limiter=Limiter(database, client_id=reddit.client_id))

    def crawl_subreddit(held: HeldClaim) -> str:
        return crawl.run(held.claim, database=database, client=client, settings=extent, stop=held)

    worker = Worker(
        name=name,
        database=database,
        direct_url=address.direct_url,
        settings=queue,
        crawl=crawl_subreddit,
    )
    stopping = threading.Event()

    def stop(_signal: int, _frame: object) -> None:
        stopping.set()
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        startup.wait_for_schema(database, stop=stopping)
    except (errors.UnknownSchema, errors.DatabaseUnavailable) as error:
        log.critical("worker.cannot_start", reason=str(error))
        return 1
    return _run(worker, Maintenance(database, queue), client, database)


def _run(worker: Worker, maintenance: Maintenance, client: RedditClient, database: Database) -> int:
    log.info("worker.started")
    maintenance.start()
    try:
        told_to = worker.run()
    finally:
        maintenance.stop()
        client.close()
        database.close()
        log.info("worker.stopped")
    return 0 if told_to else 1


if __name__ == "__main__":
    sys.exit(main())
