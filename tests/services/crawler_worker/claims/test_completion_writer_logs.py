"""The completion writer logs the ends of claims that it cannot write."""

import time
from typing import Any

import pytest
import structlog

from crawler_worker.claims import completion_batch
from crawler_worker.claims.completion_writer import CompletionWriter
from crawler_worker.claims.held_claim import HeldClaim
from crawljobs.db.database import Database
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.domain.completion import Completion
from crawljobs.errors import DatabaseUnavailable
from support.claims import CLAIM
from support.counted import counted
from support.waiting import wait_until


def claim(job_id: int) -> Claim:
    return CLAIM._replace(job_id=job_id)


def written(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: Exception, *job_ids: int
) -> tuple[list[dict[str, Any]], dict[int, bool], dict[str, float]]:
    """Make each write fail.

    Return the log lines, what became of each end, and the grown counters.
    """

    def fail(*_: object) -> None:
        raise error

    became: dict[int, bool] = {}

    def then(end: Completion, is_written: bool) -> None:
        became[end.claim.job_id] = is_written

    monkeypatch.setattr(completion_batch, "_complete", fail)
    writer = CompletionWriter(database, on_written=lambda: None)
    for job_id in job_ids:
        held = HeldClaim(claim(job_id), requested_at=time.monotonic(), lease_seconds=60)
        writer.submit(held, completion.completed(held.claim, "crawled"), then)
    with structlog.testing.capture_logs() as logged, counted() as grown:
        writer.start()
        writer.close(0.3)
        writer.join()
        wait_until(lambda: len(became) == len(job_ids), timeout=10, describe=lambda: became)
    assert writer.has_stopped
    return [dict(line) for line in logged], became, grown


def test_an_end_that_cannot_be_written_is_logged_and_does_not_keep_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged, became, grown = written(database, monkeypatch, ZeroDivisionError("odd"), 7, 8)
    failed = [line for line in logged if line["event"] == "completion.failed"]
    assert sorted(line["job_id"] for line in failed) == [7, 8]
    assert {line["log_level"] for line in failed} == {"error"}
    assert became == {7: False, 8: False}
    assert grown == {}


def test_an_end_is_postponed_while_the_database_is_away_and_given_up_at_the_close(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged, became, grown = written(database, monkeypatch, DatabaseUnavailable("down"), 7)
    postponed = [line for line in logged if line["event"] == "completion.postponed"]
    assert len(postponed) >= 2
    assert {(line["job_id"], line["reason"]) for line in postponed} == {(7, "down")}
    given_up = [line for line in logged if line["event"] == "completion.abandoned"]
    assert [(line["job_id"], line["log_level"]) for line in given_up] == [(7, "warning")]
    assert became == {7: False}
    assert grown == {}


def test_a_writer_that_dies_is_logged_and_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[bool] = []
    writer = CompletionWriter(database, on_written=lambda: woken.append(True))

    def break_down() -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(writer, "_next_batch", break_down)
    with structlog.testing.capture_logs() as logged:
        writer.start()
        writer.join()
    assert {line["event"] for line in logged} == {"completion_writer.crashed"}
    assert writer.has_stopped
    assert woken
