"""Measure the sweep that ages jobs, and the claims of other workers during the sweep."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks.harness import Bench, Figure, percentile
from benchmarks.queue_depth import claim_and_complete
from crawler_worker.maintenance.sweeps import Maintenance
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.runtime import logs

FEW = 10_000
MANY, MANY_QUICK = 300_000, 50_000
ROUNDS, ROUNDS_QUICK = 5, 2
FEW_ROUNDS = 10
SWEEP_MS = 100.0
CLAIM_EVERY_SECONDS = 0.01
CLAIMED = 100_000  # jobs with the highest priority: more than the benchmark claims
CALM_SECONDS, CALM_SECONDS_QUICK = 5.0, 2.0

_SUBREDDITS = "INSERT INTO subreddits (name) SELECT 'sub_' || n FROM generate_series(1, %s) AS n"
_WAITING = """
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, priority_ceiling,
        source, queued_at, created_at)
    SELECT id, 'queued', id %% 41, id %% 41, 60, 'user', waiting.since, waiting.since
    FROM subreddits, LATERAL (
        SELECT now() - interval '61 minutes' - interval '1 second' * (id %% 240) AS since
    ) AS waiting WHERE id <= %s
"""
_NEW = """
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source)
    SELECT id, 'queued', 100, 100, 'user' FROM subreddits WHERE id > %s
"""
_AS_BEFORE = "UPDATE crawl_jobs SET priority = base_priority WHERE priority <> base_priority"


def measure(bench: Bench) -> list[Figure]:
    many = MANY_QUICK if bench.quick else MANY
    with bench.database("aging_few") as url:
        fill(url, waiting=FEW, new=0)
        few = [alone(url, FEW) for _ in range(FEW_ROUNDS)]
    with bench.database("aging_many") as url:
        fill(url, waiting=many, new=CLAIMED)
        calm, meanwhile, sweeps = beside_claims(bench, url, many)
    calm_p99, meanwhile_p99 = (1000 * percentile(t, 0.99) for t in (calm, meanwhile))
    return [
        Figure(
            f"sweep over {FEW:,} waiting jobs", 1000 * statistics.median(few), "ms", limit=SWEEP_MS
        ),
        Figure(f"sweep over {many:,} while others claim", statistics.median(sweeps), "s"),
        Figure("claim p99 without it", calm_p99, "ms"),
        Figure("claim p99 meanwhile", meanwhile_p99, "ms"),
        Figure("claim p99, meanwhile against without", meanwhile_p99 / calm_p99, "x", limit=2.0),
    ]


def fill(url: str, *, waiting: int, new: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_SUBREDDITS, [waiting + new])
        connection.execute(_WAITING, [waiting])
        connection.execute(_NEW, [waiting])
        connection.execute("VACUUM (ANALYZE) crawl_jobs")


def as_before(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_AS_BEFORE)
        connection.execute("VACUUM (ANALYZE) crawl_jobs")


def beside_claims(
    bench: Bench, url: str, waiting: int
) -> tuple[list[float], list[float], list[float]]:
    """Claim without a sweep and during a sweep, alternately.

    Return the seconds of the claims without a sweep, of the claims during a sweep, and of the
    sweeps.
    """
    calm: list[float] = []
    meanwhile: list[float] = []
    sweeps = []
    with contextlib.closing(Database(url, pool_size=1)) as database:
        for _ in range(ROUNDS_QUICK if bench.quick else ROUNDS):
            end = time.monotonic() + (CALM_SECONDS_QUICK if bench.quick else CALM_SECONDS)
            while time.monotonic() < end:
                calm.append(paced_claim(database))
            with sweeping(url) as process:
                while process.poll() is None:
                    meanwhile.append(paced_claim(database))
                sweeps.append(told_by(process, waiting))
            as_before(url)
    return calm, meanwhile, sweeps


def alone(url: str, waiting: int) -> float:
    with sweeping(url) as process:
        seconds = told_by(process, waiting)
    as_before(url)
    return seconds


def told_by(process: "subprocess.Popen[str]", waiting: int) -> float:
    """Wait for the end of the sweep and return its seconds. The sweep must have aged all jobs."""
    told = json.loads(process.communicate()[0])
    assert told["aged"] == waiting, told
    return float(told["seconds"])


def paced_claim(database: Database) -> float:
    """Claim and complete a job, and return the seconds. A call lasts CLAIM_EVERY_SECONDS.

    So the load has a constant rate, and the sleep waits for the time of the next claim.
    """
    due = time.monotonic() + CLAIM_EVERY_SECONDS
    taken = claim_and_complete(database).whole
    time.sleep(max(0.0, due - time.monotonic()))
    return taken


@contextlib.contextmanager
def sweeping(url: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a sweep in another process, and yield the process when the sweep begins."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.aging", url],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        yield process


def main() -> None:
    (url,) = sys.argv[1:]
    logs.configure("bench", {"LOG_LEVEL": "ERROR"})
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with contextlib.closing(Database(url, pool_size=2)) as database:
        maintenance = Maintenance(database, settings.read_queue_settings({}))
        database.check_reachable()  # connect before the measurement, as a worker does
        begun = time.perf_counter()
        aged = maintenance.age()
        seconds = time.perf_counter() - begun
    sys.stdout.write(json.dumps({"aged": aged, "seconds": seconds}))


if __name__ == "__main__":
    main()
