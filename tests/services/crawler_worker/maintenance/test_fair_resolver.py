"""The resolver is fair: while a large group has a backlog, the steps of other groups start."""

from typing import Any

import pytest

from crawler_worker.maintenance import step_resolving
from crawler_worker.maintenance.step_resolving import StepResolver
from crawljobs.db.database import Connection, Database
from crawljobs.domain.group import StepState
from crawljobs.repository.groups import settle, start
from crawljobs.repository.groups.settle import Settled
from support import groups, jobs
from support.groups import step
from support.refusing_rows import refuse

CHUNK = 10
MANY = 100
UPSTREAMS = ("u0", "u1")
# The group without upstreams starts in the first round. Each round has two transactions.
TRANSACTIONS_MAX = 6


def test_a_small_group_starts_while_a_large_one_is_settled(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "CHUNK", CHUNK)
    monkeypatch.setattr(step_resolving, "CHUNK", CHUNK)

    def prepared(conn: Connection) -> tuple[int, int, int]:
        fan = (step(f"k{at}", *UPSTREAMS) for at in range(MANY))
        large = groups.group(conn, *(step(key) for key in UPSTREAMS), *fan)
        follower = groups.group(conn, step("first"), step("second", "first"))
        groups.resolve(conn)
        for claim in jobs.claim_all(conn, at_most=100):
            jobs.complete(conn, claim=claim, outcome="crawled")
        return large, follower, groups.group(conn, step("alone"))

    large, follower, alone = database.run(prepared)
    started: dict[int, int] = {}  # group id -> number of transactions before its first start
    transactions = 0

    def counting(resolve: Any) -> Any:
        def run(conn: Connection, **options: Any) -> Settled:
            nonlocal transactions
            transactions += 1
            found: Settled = resolve(conn, **options)
            for each in found.steps:
                if each.after is StepState.ENQUEUED:
                    started.setdefault(each.group_id, transactions)
            return found

        return run

    monkeypatch.setattr(settle, "settle", counting(settle.settle))
    monkeypatch.setattr(start, "start", counting(start.start))
    StepResolver(database).resolve()
    assert started[alone] <= TRANSACTIONS_MAX
    assert started[follower] <= TRANSACTIONS_MAX
    assert transactions > 2 * MANY * len(UPSTREAMS) // CHUNK  # the large group took many turns
    with database.begin() as conn:
        assert groups.counts(conn, large)[StepState.ENQUEUED] == MANY


def test_a_failing_row_is_found_while_the_worker_claims(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed chunk is tried in smaller parts at once, also while claims are more urgent."""
    monkeypatch.setattr(step_resolving, "CLAIMS_WITHIN_SECONDS", 3600.0)

    def prepared(conn: Connection) -> list[int]:
        found = [groups.group(conn, step(f"s{at}")) for at in range(4)]
        groups.resolve(conn)
        for claim in jobs.claim_all(conn, at_most=100):
            jobs.complete(conn, claim=claim, outcome="crawled")
        return found

    ids = database.run(prepared)
    with database.begin() as conn:
        refuse(conn, "job_groups", ids[0])
    resolver = StepResolver(database)
    for _ in range(len(ids) + 1):
        resolver.claimed()
        resolver.resolve()
    with database.begin() as conn:
        left = [groups.counts(conn, each)[StepState.ENQUEUED] for each in ids]
    assert left == [1, 0, 0, 0]
