"""A worker process whose crawls do no work. It reports on stdout when each crawl begins.

The arguments are the worker's name, the database address and the manner: `end` completes each job
at once, `hold` crawls until it is interrupted, and `quiet` completes at once and reports nothing.
"""

import gc
import json
import os
import signal
import sys
import time

from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.worker import Worker
from crawler_worker.maintenance.step_resolving import StepResolver
from crawler_worker.maintenance.sweeps import Maintenance
from crawler_worker.reddit import crawl_failures
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.runtime import logs


def main() -> None:
    name, url, manner = sys.argv[1:]
    logs.configure("bench", {"LOG_LEVEL": "ERROR", **os.environ})
    queue = settings.read_queue_settings(os.environ)

    def crawl(held: HeldClaim) -> str:
        if manner == "quiet":
            return "crawled"
        now = time.monotonic()
        claimed_in = now - held.requested_at  # seconds from the claim to the crawl's begin
        begun = {
            "job_id": held.claim.job_id,
            "at": now,
            "worker": name,
            "claimed_in": claimed_in,
        }
        sys.stdout.write(json.dumps(begun) + "\n")
        sys.stdout.flush()
        if manner == "hold":
            held.wait(3600)
            raise crawl_failures.Interrupted("told to stop")
        return "crawled"

    database = Database(url, pool_size=queue.worker_concurrency + 2)
    resolver = StepResolver(database)
    worker = Worker(
        name=name,
        database=database,
        direct_url=url,
        settings=queue,
        crawl=crawl,
        on_hint=resolver.wake,
        on_claim=resolver.claimed,
    )
    maintenance = Maintenance(database, queue)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    gc.freeze()  # as production does
    maintenance.start()
    resolver.start()
    worker.run()
    maintenance.stop()
    resolver.stop()


if __name__ == "__main__":
    main()
