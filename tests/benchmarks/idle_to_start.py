"""Measure the time from an enqueue to the begin of the crawl in an idle worker process."""

import queue
import random
import time
from typing import Any

from benchmarks import enqueue, workers
from benchmarks.harness import Bench, Figure, percentile
from crawljobs.db.database import Database

JOBS, JOBS_QUICK = 200, 50
# The pace of the load: a random pause before each job. A worker polls again soon after a job. The
# pause is longer, so that the worker is idle and only the hint starts the next job.
PAUSE_SECONDS = (0.4, 0.6)
DEADLINE_SECONDS = 30


def measure(bench: Bench) -> list[Figure]:
    rng = random.Random(1)
    begun: queue.Queue[dict[str, Any]] = queue.Queue()
    latencies = []
    with (
        bench.database("idle_to_start") as url,
        workers.worker("worker-1", url, "end", begun),
    ):
        database = Database(url, pool_size=1)
        enqueue.one(database, "first")
        begun.get(timeout=DEADLINE_SECONDS)
        for number in range(JOBS_QUICK if bench.quick else JOBS):
            time.sleep(rng.uniform(*PAUSE_SECONDS))
            asked = time.monotonic()
            enqueue.one(database, f"sub_{number}")
            latencies.append(begun.get(timeout=DEADLINE_SECONDS)["at"] - asked)
        database.close()
    return [
        Figure("idle to start, p50", 1000 * percentile(latencies, 0.5), "ms", limit=5.0),
        Figure("idle to start, p99", 1000 * percentile(latencies, 0.99), "ms", limit=10.0),
    ]
