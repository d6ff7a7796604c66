"""Measure the memory of a worker with 8 concurrent crawls, over thousands of sandbox pages."""

import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import text

from benchmarks.harness import Bench, Figure
from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from support import enqueueing, reddit_sandbox
from support.commands import command
from support.waiting import wait_until

PAGES, PAGES_QUICK = 10_000, 400
CRAWLS = 8
SUBREDDITS = 600  # more than the worker needs
WARM_SHARE = 0.2  # after this share of the pages, all imports are done and all caches are full
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 3_600
FLAT_MIB = 8.0  # a memory allocator causes changes up to this size by itself
STOP_SECONDS = 40
MIB = 1024 * 1024
ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("shared", "services", "deploy")


@dataclass
class Seen:
    """Samples of the resident memory in MiB, each with the number of pages stored at its time."""

    samples: list[tuple[int, float]] = field(default_factory=list)

    def highest(self) -> float:
        return max(size for _, size in self.samples)

    def growth(self) -> float:
        """Return the highest memory in the last fifth of the pages minus that in the second."""
        pages = self.samples[-1][0]

        def highest(low: float, high: float) -> float:
            found = [size for at, size in self.samples if low * pages <= at <= high * pages]
            return max(found, default=0.0)

        return highest(1 - WARM_SHARE, 1) - highest(WARM_SHARE, 2 * WARM_SHARE)


def measure(bench: Bench) -> list[Figure]:
    pages = PAGES_QUICK if bench.quick else PAGES
    options = ("--rate-limit", 10_000_000, "--log-size", 100)
    with bench.database("crawl_memory") as url, reddit_sandbox.serve(*options) as sandbox:
        database = Database(url, pool_size=1)
        with database.begin() as conn:
            enqueueing.enqueue_many(
                conn,
                subreddits_named=[f"big_{n}" for n in range(SUBREDDITS)],
                priority=50,
                source=JobSource.USER,
            )
        begun = time.monotonic()
        seen = watch(database, start(url, sandbox.url), pages)
        taken = time.monotonic() - begun
        database.close()
    stored = seen.samples[-1][0]
    return [
        Figure(f"resident memory, {CRAWLS} crawls, {stored:,} pages", seen.highest(), "MiB", 120),
        Figure(
            "its growth from the second fifth of the pages to the last", seen.growth(), "MiB", 8
        ),
        Figure("pages a second", stored / taken, ""),
    ]


def start(database_url: str, reddit_url: str, **variables: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command("crawljobs-worker"),
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(ROOT / top) for top in SOURCE_ROOTS),
            "DATABASE_URL": database_url,
            "REDDIT_CLIENT_ID": "bench",
            "REDDIT_CLIENT_SECRET": "bench",
            "REDDIT_API_URL": reddit_url,
            "REDDIT_AUTH_URL": reddit_url,
            "WORKER_CONCURRENCY": str(CRAWLS),
            "LOG_LEVEL": "ERROR",
            **variables,
        },
    )


def watch(database: Database, worker: "subprocess.Popen[bytes]", pages: int) -> Seen:
    process, seen = psutil.Process(worker.pid), Seen()

    def has_stored_all() -> bool:
        seen.samples.append((stored_pages(database), process.memory_info().rss / MIB))
        return seen.samples[-1][0] >= pages

    try:
        wait_until(
            has_stored_all,
            timeout=PATIENCE_SECONDS,
            describe=lambda: f"only {seen.samples[-1][0]} pages",
            every=LOOK_SECONDS,
        )
    finally:
        worker.terminate()
        worker.wait(STOP_SECONDS)
    return seen


def stored_pages(database: Database) -> int:
    query = "SELECT coalesce(sum((checkpoint->>'requests')::int), 0) FROM crawl_jobs"
    with database.begin() as conn:
        return int(conn.execute(text(query)).scalar_one())
