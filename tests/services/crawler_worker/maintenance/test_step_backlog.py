"""The resolver gives way to claims: while the worker claims jobs, a backlog of ended jobs waits."""

import time

import pytest

from crawler_worker.maintenance import step_resolving
from crawler_worker.maintenance.step_resolving import StepResolver
from crawljobs.db.database import Connection, Database
from crawljobs.domain.group import GroupOutcome, StepState
from support import groups, jobs
from support.groups import step
from support.waiting import wait_until

CHUNK = 4
STEPS = 3 * CHUNK


@pytest.fixture
def backlog(database: Database, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the id of a group whose jobs have all ended, in three chunks of the resolver."""
    monkeypatch.setattr(step_resolving, "CHUNK", CHUNK)
    # One claim counts as recent for the whole test.
    monkeypatch.setattr(step_resolving, "CLAIMS_WITHIN_SECONDS", 3600.0)
    monkeypatch.setattr(step_resolving, "SHARE_OF_BACKLOG", 1 / 10)  # shorter pauses

    def ended(conn: Connection) -> int:
        group_id = groups.group(conn, *(step(f"s{number}") for number in range(STEPS)))
        groups.resolve(conn)
        for claim in jobs.claim_all(conn, at_most=STEPS):
            jobs.complete(conn, claim=claim, outcome="crawled")
        return group_id

    return database.run(ended)


def succeeded(database: Database, group_id: int) -> int:
    with database.begin() as conn:
        return groups.counts(conn, group_id)[StepState.SUCCEEDED]


def test_one_chunk_is_settled_while_the_worker_claims(database: Database, backlog: int) -> None:
    resolver = StepResolver(database)
    resolver.claimed()
    assert resolver.resolve() == CHUNK
    assert succeeded(database, backlog) == CHUNK


def test_a_chunk_is_smaller_while_the_worker_claims(
    database: Database, backlog: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_resolving, "CHUNK_WHILE_CLAIMING", CHUNK - 1)
    resolver = StepResolver(database)
    resolver.claimed()
    resolver.resolve()
    assert succeeded(database, backlog) == CHUNK - 1


def test_all_chunks_are_settled_when_the_worker_does_not_claim(
    database: Database, backlog: int
) -> None:
    assert StepResolver(database).resolve() == STEPS
    assert succeeded(database, backlog) == STEPS


def test_the_thread_settles_the_backlog_while_claims_go_on(
    database: Database, backlog: int
) -> None:
    resolver = StepResolver(database)
    resolver.claimed()
    began = time.monotonic()
    resolver.start()
    try:
        wait_until(
            lambda: database.run(lambda conn: groups.outcome(conn, backlog)),
            timeout=30,
            describe=lambda: succeeded(database, backlog),
        )
    finally:
        resolver.stop()
        resolver.join()
    assert database.run(lambda conn: groups.outcome(conn, backlog)) is GroupOutcome.SUCCEEDED
    # Three chunks, with a pause after each of the first two.
    assert time.monotonic() - began >= 2 * step_resolving.PAUSE_SECONDS


def test_the_rest_is_settled_at_once_when_the_claims_end(
    database: Database, backlog: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = 3600.0
    monkeypatch.setattr(step_resolving, "SHARE_OF_BACKLOG", 1e-9)
    monkeypatch.setattr(step_resolving, "BACKLOG_PAUSE_MAX_SECONDS", hour)
    resolver = StepResolver(database)
    resolver.claimed()
    resolver.start()
    try:
        wait_until(
            lambda: succeeded(database, backlog) == CHUNK, timeout=30, describe="the first chunk"
        )
        # The last claim is now too old to count as recent.
        monkeypatch.setattr(step_resolving, "CLAIMS_WITHIN_SECONDS", 0.0)
        wait_until(
            lambda: database.run(lambda conn: groups.outcome(conn, backlog)),
            timeout=30,
            describe=lambda: succeeded(database, backlog),
        )
    finally:
        resolver.stop()
        resolver.join()
    assert succeeded(database, backlog) == STEPS
