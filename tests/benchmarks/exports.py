"""Measure claims while an export reads posts at a limited rate.

Two workers claim and complete jobs that arrive at a constant rate. In each second round, crawlctl
exports posts from a real admin-api at `--rate 2000`. Rounds with and without the export take turns.
"""

import contextlib
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import enqueue, workers
from benchmarks.harness import Bench, Figure, percentile
from crawljobs.db.database import Database
from support import admin_api, export_rows
from support.waiting import wait_until

RATE = 2_000  # rows per second
ROUNDS, ROUNDS_QUICK = 10, 2  # of each kind
SECONDS, SECONDS_QUICK = 10, 4
JOBS_PER_SECOND = 100
WORKERS = 2
TIMES_P50, TIMES_P99 = 1.1, 1.5
AT_LEAST_ROWS = 0.8 * RATE  # the rows arrive in pieces, so a round may miss the last piece
START_SECONDS = 30
AFTER_SECONDS = 30  # the time limit for the jobs that were enqueued last
DEPLOY = workers.TESTS.parent / "deploy"

Begun = queue.Queue[dict[str, Any]]


@dataclass(frozen=True)
class Round:
    """The milliseconds of the claims of a round, and the exported rows per second."""

    claims: list[float]
    rows: float


def measure(bench: Bench) -> list[Figure]:
    rounds = ROUNDS_QUICK if bench.quick else ROUNDS
    seconds = SECONDS_QUICK if bench.quick else SECONDS
    found: dict[bool, list[Round]] = {False: [], True: []}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crawljobs-bench-")))
        url = stack.enter_context(bench.database("exports"))
        # One round must not read all posts.
        export_rows.fill(url, posts=2 * RATE * seconds + 10 * RATE)
        server = admin_api.start_gunicorn(folder, url, ADMIN_API_WORKERS="1")
        stack.callback(server.stop)
        database = Database(url, pool_size=1)
        stack.callback(database.close)
        begun: Begun = queue.Queue()
        for number in range(WORKERS):
            stack.enter_context(workers.worker(f"worker-{number}", url, "end", begun))
        _round(database, begun, seconds=2, name="warm")
        for number in range(rounds):
            for with_export in (True, False) if number % 2 else (False, True):
                name = f"{'with' if with_export else 'alone'}_{number}"
                exporting = export(server.url, folder / name) if with_export else _nothing()
                with exporting as file:
                    found[with_export].append(
                        _round(database, begun, seconds=seconds, name=name, file=file)
                    )
    return list(_figures(found))


def _figures(found: dict[bool, list[Round]]) -> Iterator[Figure]:
    for share, limit in ((0.5, TIMES_P50), (0.99, TIMES_P99)):
        alone, beside = (
            [percentile(each.claims, share) for each in found[kind]] for kind in (False, True)
        )
        name = f"claim p{100 * share:.0f}"
        ratios = [one / other for one, other in zip(beside, alone, strict=True)]
        yield Figure(f"{name}, {JOBS_PER_SECOND} jobs/s", statistics.median(alone), "ms")
        yield Figure(f"{name}, beside an export", statistics.median(beside), "ms")
        yield Figure(f"{name}, beside against alone", statistics.median(ratios), "x", limit=limit)
    rows = [each.rows for each in found[True]]
    yield Figure("exported rows", statistics.median(rows), "rows/s", at_least=AT_LEAST_ROWS)


@contextlib.contextmanager
def _nothing() -> Iterator[Path | None]:
    yield None


@contextlib.contextmanager
def export(url: str, out: Path) -> Iterator[Path]:
    """Export posts during the block, and yield the growing file."""
    token = out.with_name("token")
    token.write_text(f"{admin_api.TOKEN}\n")
    command = [sys.executable, "-P", "-m", "crawlctl", "--url", url, "export", "posts"]
    process = subprocess.Popen(
        [*command, "--rate", str(RATE), "--out", str(out)],
        env={
            **os.environ,
            "PYTHONPATH": str(DEPLOY),
            "CRAWLJOBS_TOKEN_FILE": str(token),
            "XDG_CONFIG_HOME": str(out.parent),
        },
        stderr=subprocess.DEVNULL,
    )
    part = out.with_name(f"{out.name}.part")
    try:
        wait_until(lambda: _rows(part) > 0, timeout=START_SECONDS, describe="the first rows")
        yield part
        assert process.poll() is None, "the export ended before the round"
    finally:
        process.kill()
        process.wait(START_SECONDS)


def _rows(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def _round(
    database: Database, begun: Begun, *, seconds: int, name: str, file: Path | None = None
) -> Round:
    """Enqueue jobs at a constant rate, and return the durations of their claims.

    The sleep waits for the time at which a job is due, so the rate does not depend on the claims.
    """
    jobs, rows_before = seconds * JOBS_PER_SECOND, _rows(file) if file else 0
    started = time.monotonic()
    for number in range(jobs):
        time.sleep(max(0.0, started + number / JOBS_PER_SECOND - time.monotonic()))
        enqueue.one(database, f"{name}_{number}")
    took = time.monotonic() - started
    rows = (_rows(file) - rows_before) / took if file else 0.0
    deadline = time.monotonic() + AFTER_SECONDS
    reports = [begun.get(timeout=max(0.0, deadline - time.monotonic())) for _ in range(jobs)]
    return Round([1000 * each["claimed_in"] for each in reports], rows)
