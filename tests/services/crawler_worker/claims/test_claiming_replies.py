"""Claims whose reply was lost, and jobs at the front of the queue whose claim fails."""

import time
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import prometheus_client
import pytest
from structlog.testing import capture_logs

from crawler_worker.claims import claiming as module
from crawler_worker.claims.claiming import Claiming
from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue import job_claim, job_reads
from support import jobs

LEASE = 30.0
NAMES = ("first", "second", "third")


class LosesReplies:
    """The real database. It loses the reply of a claim, after the commit or before the start."""

    def __init__(self, database: Database, *, commits: bool) -> None:
        self._database = database
        self._commits = commits
        self.loses = True

    def run_statement(self, work: Callable[[Connection], Any]) -> Any:
        if self.loses and not self._commits:
            raise errors.DatabaseUnavailable("lost")
        found = self._database.run_statement(work)
        if self.loses:
            raise errors.DatabaseUnavailable("lost")
        return found

    def run(self, work: Callable[[Connection], Any]) -> Any:
        return self._database.run(work)


def lost(database: Database, *, commits: bool) -> tuple[Claiming, list[int]]:
    """Return a claiming object that lost the reply of its claim, and the ids of three jobs."""
    with database.begin() as conn:
        ids = [jobs.enqueue(conn, name, now=None) for name in NAMES]
    loses = LosesReplies(database, commits=commits)
    claiming = Claiming(cast(Database, loses), worker="w", lease_seconds=LEASE)
    with pytest.raises(errors.DatabaseUnavailable):
        claiming.claim(3)
    assert claiming.has_unanswered
    loses.loses = False
    return claiming, ids


def statuses(database: Database, ids: list[int]) -> list[JobStatus]:
    with database.begin() as conn:
        return [jobs.job(conn, job_id).status for job_id in ids]


def test_jobs_of_a_lost_reply_are_kept_for_the_free_slots_and_the_others_are_released(
    database: Database,
) -> None:
    claiming, ids = lost(database, commits=True)
    before = time.monotonic()
    with capture_logs() as told:
        requested_at, claims = claiming.claim(2)
    assert before <= requested_at <= time.monotonic()
    assert [claim.job_id for claim in claims] == ids[:2]
    assert told == [{"event": "claim.recovered", "log_level": "info", "job_ids": ids[:2]}]
    assert statuses(database, ids) == [JobStatus.CRAWLING] * 2 + [JobStatus.QUEUED]
    with database.begin() as conn:
        (attempt,) = job_reads.list_attempts(conn, job_id=ids[2])
    assert attempt.outcome == "released"
    assert not claiming.has_unanswered
    assert [claim.job_id for claim in claiming.claim(2)[1]] == ids[2:]


@pytest.mark.parametrize("give_back", [Claiming.release_unanswered, lambda one: one.claim(0)])
def test_without_a_free_slot_all_jobs_of_a_lost_reply_are_released(
    database: Database, give_back: Callable[[Claiming], Any]
) -> None:
    claiming, ids = lost(database, commits=True)
    with capture_logs() as told:
        give_back(claiming)
    assert statuses(database, ids) == [JobStatus.QUEUED] * 3
    assert told == []


def test_a_statement_that_never_arrived_keeps_no_job_from_being_claimed(
    database: Database,
) -> None:
    claiming, ids = lost(database, commits=False)
    assert [claim.job_id for claim in claiming.claim(1)[1]] == ids[:1]
    assert claiming.has_unanswered  # it may still arrive
    assert claiming.claim(0)[1] == []
    assert statuses(database, ids) == [JobStatus.CRAWLING, JobStatus.QUEUED, JobStatus.QUEUED]


def test_a_lost_reply_is_forgotten_after_two_leases(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    claiming = Claiming(database, worker="w", lease_seconds=LEASE)
    claiming._unanswered[uuid.uuid4()] = now[0]
    for seconds, is_known in ((0, True), (2 * LEASE, True), (2 * LEASE + 1, False)):
        now[0] = 1_000.0 + seconds
        claiming.claim(0)
        assert claiming.has_unanswered is is_known, seconds


def test_a_claim_is_measured(database: Database) -> None:
    def measured() -> float:
        value = prometheus_client.REGISTRY.get_sample_value("crawl_claim_duration_seconds_sum")
        return value or 0.0

    before = measured()
    Claiming(database, worker="w", lease_seconds=LEASE).claim(1)
    assert 0 < measured() - before < 60


class Refuses:
    """Stands for the claim statement, whose first jobs refuse to be claimed."""

    def __init__(self, refusing: int, error: Exception) -> None:
        self.refusing = refusing
        self.error = error
        self.asked: list[tuple[int, int]] = []

    def __call__(self, _: object, *, at_most: int, skip: int, **__: object) -> list[Any]:
        self.asked.append((at_most, skip))
        if skip < self.refusing:
            raise self.error
        return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_jobs_that_refuse_a_claim_are_skipped_one_by_one(
    database: Database, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    refuses = Refuses(2, ValueError("odd"))
    monkeypatch.setattr(job_claim, "claim_jobs", refuses)
    with capture_logs() as told:
        Claiming(database, worker="w", lease_seconds=LEASE).claim(3)
    assert refuses.asked == [(3, 0), (1, 0), (1, 1), (1, 2)]
    assert {(line["event"], line["log_level"]) for line in told} == {("claim.passed_over", "error")}


def test_skipped_jobs_are_tried_again_thirty_seconds_after_the_first_one(
    database: Database, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    refuses = Refuses(1, ValueError("odd"))
    monkeypatch.setattr(job_claim, "claim_jobs", refuses)
    claiming = Claiming(database, worker="w", lease_seconds=LEASE)
    for seconds, refusing, asked in (
        (0, 1, [(3, 0), (1, 0), (1, 1)]),
        (10, 1, [(3, 1)]),
        (20, 2, [(3, 1), (1, 1), (1, 2)]),
        (29, 2, [(3, 2)]),
        (30, 0, [(3, 0)]),
    ):
        refuses.asked.clear()
        refuses.refusing = refusing
        clock[0] = 1_000.0 + seconds
        with capture_logs():
            claiming.claim(3)
        assert refuses.asked == asked, seconds


@pytest.mark.parametrize(
    ("error", "tries"),
    [(KeyError("a bug"), 1), (errors.DatabaseUnavailable("away"), 1), (ValueError("odd"), 52)],
)
def test_an_error_that_is_not_of_one_row_ends_the_claim(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    clock: list[float],
    error: Exception,
    tries: int,
) -> None:
    """With more than 50 jobs that refuse a claim, the cause is not a row."""
    refuses = Refuses(10_000, error)
    monkeypatch.setattr(job_claim, "claim_jobs", refuses)
    claiming = Claiming(database, worker="w", lease_seconds=LEASE)
    with capture_logs(), pytest.raises(type(error)):
        claiming.claim(2)
    assert len(refuses.asked) == tries
