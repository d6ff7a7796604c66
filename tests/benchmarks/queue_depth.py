"""Measure how the duration of a claim grows with the number of queued jobs.

A short and a long queue take turns in one run.
"""

import contextlib
import time
import uuid
from dataclasses import dataclass
from operator import attrgetter

from sqlalchemy import text

from benchmarks.harness import Bench, Figure, percentile
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.repository.queue import job_claim, job_completion

SHALLOW = 10_000
DEEP, DEEP_QUICK = 1_000_000, 100_000
ROUNDS, ROUNDS_QUICK = 2_000, 500
CLAIMED_AT_ONCE = 8  # WORKER_CONCURRENCY


@dataclass(frozen=True)
class Taken:
    """The seconds of a claim: of the whole transaction, and of the statement alone."""

    whole: float
    statement: float


def measure(bench: Bench) -> list[Figure]:
    deep = DEEP_QUICK if bench.quick else DEEP
    rounds = ROUNDS_QUICK if bench.quick else ROUNDS
    with contextlib.ExitStack() as stack:
        opened = {}
        for depth in (SHALLOW, deep):
            url = stack.enter_context(bench.database(f"depth_{depth}"))
            database = Database(url, pool_size=1)
            stack.callback(database.close)
            fill(database, depth + CLAIMED_AT_ONCE * rounds)
            opened[depth] = database
        taken: dict[int, list[Taken]] = {depth: [] for depth in opened}
        for _ in range(rounds):
            for depth, database in opened.items():
                taken[depth].append(claim_and_complete(database))
    figures = []
    # The time that a commit waits for the disk does not depend on the depth. It would hide a slower
    # claim, so the statement is also measured alone.
    for name, of in (
        ("claim", attrgetter("whole")),
        ("claim without its commit", attrgetter("statement")),
    ):
        shallow_p99, deep_p99 = (
            1000 * percentile([of(one) for one in taken[depth]], 0.99) for depth in (SHALLOW, deep)
        )
        figures += [
            Figure(f"{name} p99, {SHALLOW:,} queued", shallow_p99, "ms"),
            Figure(f"{name} p99, {deep:,} queued", deep_p99, "ms"),
            Figure(f"{name} p99, deep against shallow", deep_p99 / shallow_p99, "x", limit=2.0),
        ]
    return figures


def fill(database: Database, count: int) -> None:
    with database.begin() as conn:
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        conn.execute(
            text("INSERT INTO subreddits (name) SELECT 'sub_' || n FROM generate_series(1, :n) n"),
            {"n": count},
        )
        conn.execute(
            text(
                "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source) "
                "SELECT id, 'queued', id % 101, id % 101, 'user' FROM subreddits"
            )
        )


def claim_and_complete(database: Database) -> Taken:
    """Claim jobs and complete them, so that the queue moves. Return the seconds of the claim."""
    claimed, taken = claim(database)
    complete(database, claimed)
    return taken


def claim(database: Database, *, at_most: int = CLAIMED_AT_ONCE) -> tuple[list[Claim], Taken]:
    """Claim jobs as a worker does. Return the claims and the seconds."""
    statement = 0.0

    def ask(conn: Connection) -> list[Claim]:
        nonlocal statement
        asked = time.perf_counter()
        claimed = job_claim.claim_jobs(
            conn,
            worker="bench",
            claim_token=uuid.uuid4(),
            at_most=at_most,
            lease_seconds=30,
        )
        statement = time.perf_counter() - asked
        return claimed

    begun = time.perf_counter()
    claimed = database.run_statement(ask)
    return claimed, Taken(whole=time.perf_counter() - begun, statement=statement)


def complete(database: Database, claimed: list[Claim]) -> None:
    done = [completion.completed(one, "crawled") for one in claimed]
    database.run_statement(lambda conn: job_completion.complete_claims(conn, completions=done))
