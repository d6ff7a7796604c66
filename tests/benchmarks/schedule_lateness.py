"""Measure the lateness of the jobs of many schedules that are due at the same second."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks.harness import Bench, Figure
from support.commands import command

SCHEDULES, SCHEDULES_QUICK = 1_000, 200
LEAD_SECONDS = 3  # before the due time, for the schedulers to read the schedules and sleep
DEADLINE_SECONDS = 30
ROOT = Path(__file__).resolve().parents[2]


def measure(bench: Bench) -> list[Figure]:
    schedules = SCHEDULES_QUICK if bench.quick else SCHEDULES
    figures = []
    for schedulers in (1, 4):
        with bench.database(f"lateness_{schedulers}") as url, running(url, schedulers):
            seconds = fire(url, schedules)
        title = f"{schedules} schedules, {schedulers} scheduler{'s' if schedulers > 1 else ''}"
        figures += [
            Figure(f"lateness p50, {title}", seconds[schedules // 2 - 1], "s"),
            Figure(f"lateness p99, {title}", seconds[schedules * 99 // 100 - 1], "s"),
            Figure(f"last one enqueued, {title}", seconds[-1], "s", limit=1.0),
        ]
    return figures


def fire(url: str, schedules: int) -> list[float]:
    """Return, in order, the seconds from the due time until each job is visible to a worker.

    The seconds are measured with the database's clock.
    """
    with psycopg.connect(url, autocommit=True) as sql:
        sql.execute(
            "INSERT INTO subreddits (name) SELECT 'sub_' || n FROM generate_series(1, %s) AS n",
            [schedules],
        )
        row = sql.execute(
            "SELECT date_trunc('second', clock_timestamp()) + make_interval(secs => %s)",
            [LEAD_SECONDS],
        ).fetchone()
        assert row
        sql.execute(
            "INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, next_run_at) "
            "SELECT name, id, '30 3 * * *', %s FROM subreddits",
            row,
        )
        sql.execute("SELECT pg_notify('scheduled_jobs', '')")
        return _watch(sql, due_at=row[0], schedules=schedules)


def _watch(
    sql: "psycopg.Connection[tuple[object, ...]]", *, due_at: object, schedules: int
) -> list[float]:
    seen: list[float] = []
    deadline = time.monotonic() + LEAD_SECONDS + DEADLINE_SECONDS
    while len(seen) < schedules:
        assert time.monotonic() < deadline, f"{len(seen)} of {schedules} fired"
        row = sql.execute(
            "SELECT count(*), CAST(extract(epoch FROM clock_timestamp() - %s) AS float8) "
            "FROM crawl_jobs",
            [due_at],
        ).fetchone()
        assert row
        count, late = int(str(row[0])), float(str(row[1]))
        seen += [late] * (count - len(seen))
        time.sleep(0.005)  # precise enough, and the schedulers keep most of the CPU
    return seen


@contextlib.contextmanager
def running(url: str, schedulers: int) -> Iterator[None]:
    """Run this number of scheduler processes. The block begins when all of them listen."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT / 'services'}",
        "DATABASE_URL": url,
        "LOG_FORMAT": "json",
    }
    processes = [
        subprocess.Popen(
            command("crawljobs-scheduler"),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(schedulers)
    ]
    try:
        with psycopg.connect(url, autocommit=True) as sql:
            deadline = time.monotonic() + DEADLINE_SECONDS
            while (
                sql.execute(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name LIKE '%hints'"
                ).rowcount
                < schedulers
            ):
                assert time.monotonic() < deadline, "the schedulers did not come up"
                time.sleep(0.05)  # the schedulers are starting
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(DEADLINE_SECONDS)
