"""Measure the time from kill -9 of a worker until another worker crawls its job."""

import queue
import time
from typing import Any

from benchmarks import enqueue, workers
from benchmarks.harness import Bench, Figure
from crawljobs.db.database import Database

LEASE_SECONDS, LEASE_SECONDS_QUICK = 30, 5
KILLS, KILLS_QUICK = 3, 2
MARGIN_SECONDS = 5  # allowed in addition to the lease


def measure(bench: Bench) -> list[Figure]:
    lease = LEASE_SECONDS_QUICK if bench.quick else LEASE_SECONDS
    kills = KILLS_QUICK if bench.quick else KILLS
    with bench.database("recovery") as url:
        database = Database(url, pool_size=1)
        taken = [one_kill(url, database, f"sub_{number}", lease) for number in range(kills)]
        database.close()
    return [
        Figure(f"recovery from kill -9, lease {lease} s", max(taken), "s", lease + MARGIN_SECONDS)
    ]


def one_kill(url: str, database: Database, name: str, lease: int) -> float:
    begun: queue.Queue[dict[str, Any]] = queue.Queue()
    settings = {"LEASE_SECONDS": str(lease), "WORKER_CONCURRENCY": "1"}
    with workers.worker("first", url, "hold", begun, **settings) as first:
        enqueue.one(database, name)
        job_id = begun.get(timeout=60)["job_id"]
        with workers.worker("second", url, "end", begun, **settings):
            first.process.kill()
            killed = time.monotonic()
            while (start := begun.get(timeout=lease + 60))["job_id"] != job_id:
                pass
    return float(start["at"] - killed)
