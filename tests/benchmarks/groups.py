"""Measure groups: the drain of a large group, and the time from an end to the next step.

Each round drains the same jobs twice: as the steps of one group, and without a group. Both were
enqueued by the same function. The drain ends with the last job. The group finishes some time later.
"""

import contextlib
import queue
import random
import statistics
import time
from typing import Any

from sqlalchemy import text

from benchmarks import drain, job_cost, workers
from benchmarks.harness import Bench, Figure, percentile
from crawler_worker.maintenance.step_resolving import StepResolver
from crawljobs.db.database import Connection, Database
from crawljobs.domain.group_plan import StepRequest, Upstream
from crawljobs.domain.job import JobSource
from crawljobs.repository.groups import group_creation, group_progress, resolver_hint
from support import enqueueing
from support.waiting import wait_until

STEPS, STEPS_QUICK = 100_000, 10_000
ROUNDS, ROUNDS_QUICK = 5, 2
CHUNK = 10_000  # steps of a request
PROCESSES = 4
PAIRS, PAIRS_QUICK = 200, 30
# The pace of the load: a random pause after each pair. The worker is then idle, and the pairs do
# not arrive in step with its polls.
PAUSE_SECONDS = (0.1, 0.2)
DEADLINE_SECONDS = 900


def measure(bench: Bench) -> list[Figure]:
    return [*of_drains(bench), *of_delays(bench), sweeps_without_hints(bench)]


def of_drains(bench: Bench) -> list[Figure]:
    """Drain a group, and the same jobs without a group, in turn."""
    grouped, alone, lags = [], [], []
    for number in range(ROUNDS_QUICK if bench.quick else ROUNDS):
        for in_group in (True, False) if number % 2 else (False, True):
            speed, lag = drained(bench, in_group=in_group)
            (grouped if in_group else alone).append(speed)
            lags += [lag] if in_group else []
    steps = STEPS_QUICK if bench.quick else STEPS
    ratios = [mine / other for mine, other in zip(grouped, alone, strict=True)]
    name = f"drain of {steps:,}, {PROCESSES} processes"
    return [
        Figure(f"{name}, without a group", statistics.median(alone), "jobs/s"),
        Figure(f"{name}, one group", statistics.median(grouped), "jobs/s"),
        Figure("group against no group", statistics.median(ratios), "x", at_least=0.9),
        Figure("last job to finish of the group", statistics.median(lags), "s"),
    ]


def drained(bench: Bench, *, in_group: bool) -> tuple[float, float]:
    """Return the jobs a second, and the seconds from the end of the last job to the group's end.

    Raises AssertionError if a job has not succeeded with one attempt, or if a count is wrong.
    """
    steps = STEPS_QUICK if bench.quick else STEPS
    begun: queue.Queue[dict[str, Any]] = queue.Queue()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(bench.database("drain"))
        database = Database(url, pool_size=1)
        stack.callback(database.close)
        drain.pause(database)
        for first in range(0, steps, CHUNK):
            names = [f"sub_{number}" for number in range(first, min(first + CHUNK, steps))]
            database.run(lambda conn, names=names: enqueue(conn, names, in_group=in_group))
        if in_group:
            database.run(seal)
            StepResolver(database).resolve()
        drain.prepare(database)
        for number in range(PROCESSES):
            one = workers.worker(f"worker-{number}", url, "quiet", begun, **drain.SETTINGS)
            stack.enter_context(one)
        wait_until(
            lambda: drain.listening(database) == PROCESSES,
            timeout=DEADLINE_SECONDS,
            describe="the workers to listen",
        )
        started_at = drain.resume(database)
        wait_until(
            lambda: drain.nothing_left(database) and finished(database),
            timeout=DEADLINE_SECONDS,
            describe="the jobs and the group to end",
            every=drain.LOOK_SECONDS,
        )
        seconds = drain.check(database, steps, started_at)
        lag = lag_of_group(database, steps) if in_group else 0.0
    return steps / seconds, lag


def enqueue(conn: Connection, names: list[str], *, in_group: bool) -> None:
    """Enqueue the names, or add them to the group 1, which the first call creates."""
    if not in_group:
        enqueueing.enqueue_many(
            conn, subreddits_named=names, priority=drain.WANTED, source=JobSource.USER
        )
        return
    if names[0] == "sub_0":
        group_creation.create(conn, name="drain", created_by="bench")
    steps = [StepRequest(name, name, drain.WANTED, max_retries=3) for name in names]
    group_creation.add_steps(conn, group_id=1, steps=steps)


def seal(conn: Connection) -> None:
    group_progress.lock(conn, [1])
    group_creation.seal(conn, group_id=1)


def finished(database: Database) -> bool:
    """Return whether no group is open."""
    with database.begin() as conn:
        query = "SELECT NOT EXISTS (SELECT FROM job_groups WHERE finished_at IS NULL)"
        return bool(conn.execute(text(query)).scalar_one())


def lag_of_group(database: Database, steps: int) -> float:
    """Return the seconds from the last end of a job to the finish. Checks the group's counts."""
    with database.begin() as conn:
        row = conn.execute(
            text(
                "SELECT succeeded, outcome, (SELECT count(*) FROM group_finishes) AS finishes, "
                "extract(epoch FROM finished_at - (SELECT max(ended_at) "
                "FROM crawl_job_attempts)) AS lag FROM job_groups"
            )
        ).one()
    assert (row.succeeded, row.outcome, row.finishes) == (steps, "succeeded", 1), row
    return float(row.lag)


def of_delays(bench: Bench) -> list[Figure]:
    """Measure the time from the end of a job to the claim of the job of the next step.

    The claim comes after the commit of the transaction that enqueues the job.
    """
    rng = random.Random(1)
    begun: queue.Queue[dict[str, Any]] = queue.Queue()
    pairs = PAIRS_QUICK if bench.quick else PAIRS
    with (
        bench.database("delays") as url,
        workers.worker("worker-1", url, "end", begun),
    ):
        database = Database(url, pool_size=1)
        for number in range(pairs):
            database.run(lambda conn, number=number: pair(conn, number))
            for _ in range(2):
                begun.get(timeout=DEADLINE_SECONDS)
            time.sleep(rng.uniform(*PAUSE_SECONDS))
        wait_until(lambda: finished(database), timeout=DEADLINE_SECONDS, describe="all groups")
        with database.begin() as conn:
            rows = conn.execute(
                text(
                    "SELECT extract(epoch FROM attempt.started_at - upstream.finished_at) * 1000 "
                    "FROM step_waits AS wait JOIN group_steps AS step ON step.id = wait.step_id "
                    "JOIN group_steps AS before ON before.id = wait.upstream_step_id "
                    "JOIN crawl_jobs AS upstream ON upstream.id = before.job_id "
                    "JOIN crawl_job_attempts AS attempt ON attempt.job_id = step.job_id"
                )
            )
            delays = [float(row[0]) for row in rows]
        database.close()
    assert len(delays) == pairs
    name = "end of a job to the claim of the next step"
    return [
        Figure(f"{name}, p50", percentile(delays, 0.5), "ms"),
        Figure(f"{name}, p99", percentile(delays, 0.99), "ms", limit=300),
    ]


def pair(conn: Connection, number: int) -> None:
    """Create a group of two steps, of which the second waits for the first."""
    group_id = group_creation.create(conn, name=None, created_by="bench")
    first = StepRequest("a", f"a_{number}", 50, max_retries=3)
    second = StepRequest("b", f"b_{number}", 50, max_retries=3, after=[Upstream(key="a")])
    group_creation.add_steps(conn, group_id=group_id, steps=[first, second])
    group_creation.seal(conn, group_id=group_id)
    resolver_hint.send(conn)


def sweeps_without_hints(bench: Bench) -> Figure:
    """Count the runs of a resolver until the step after an ended job is enqueued."""
    with bench.database("sweeps") as url:
        database = Database(url, pool_size=2)
        database.run(lambda conn: pair(conn, 0))
        resolver = StepResolver(database)
        resolver.resolve()
        assert database.run(job_cost.claim_and_complete) == 1
        sweeps = 0
        while not database.run(is_enqueued):
            resolver.resolve()
            sweeps += 1
        database.close()
    return Figure("runs of a resolver without hints, from an end to the next step", sweeps, "", 2)


def is_enqueued(conn: Connection) -> bool:
    query = "SELECT state = 'enqueued' FROM group_steps WHERE key = 'b'"
    return bool(conn.execute(text(query)).scalar_one())
