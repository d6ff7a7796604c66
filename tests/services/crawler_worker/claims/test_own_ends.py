"""A worker that cannot recover ends itself and logs the reason as critical."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from crawler_worker.claims.worker import STUCK_PER_SLOT, Worker
from crawljobs import errors, settings
from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from support import job_verbs
from support.waiting import wait_until
from support.worker_thread import QUICK, enqueue, wait_for

ENDED_SECONDS = 20


@pytest.fixture
def go_on() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def worker(database: Database, database_url: str, go_on: threading.Event) -> Worker:
    return Worker(
        name="worker-1",
        database=database,
        direct_url=database_url,
        settings=settings.read_queue_settings(
            {**QUICK, "WORKER_CONCURRENCY": "1", "DRAIN_SECONDS": "0.2"}
        ),
        crawl=lambda held: "crawled" if go_on.wait(30) else "never",
    )


def fails(*_: object) -> None:
    raise ZeroDivisionError("broken by the test")


def break_keeper(worker: Worker, _: Database) -> None:
    worker.keeper._extend_all = worker.keeper._serve = fails  # type: ignore[attr-defined,assignment,method-assign]


def break_writer(worker: Worker, database: Database) -> None:
    worker._writer._write = fails  # type: ignore[method-assign]
    enqueue(database, "first")
    worker._runner.crawl = lambda held: "crawled"


def hang_crawls(worker: Worker, database: Database) -> None:
    def work() -> None:
        for job_id in enqueue(database, *(f"sub_{n}" for n in range(STUCK_PER_SLOT))):
            wait_for(database, job_id, JobStatus.CRAWLING)
            with database.begin() as conn:
                job_verbs.give_up(conn, job_id=job_id)

    threading.Thread(target=work).start()


@pytest.mark.parametrize(
    ("broken", "critical", "also"),
    [
        (break_keeper, {"event": "keeper.stopped"}, "keeper.crashed"),
        (break_writer, {"event": "completion_writer.stopped"}, "completion_writer.crashed"),
        (hang_crawls, {"event": "worker.stuck", "hanging": STUCK_PER_SLOT}, None),
    ],
)
def test_a_worker_that_cannot_go_on_ends_and_says_why(
    database: Database,
    worker: Worker,
    broken: Callable[[Worker, Database], None],
    critical: dict[str, Any],
    also: str | None,
) -> None:
    ended: list[bool] = []
    with capture_logs() as told:
        broken(worker, database)
        thread = threading.Thread(target=lambda: ended.append(worker.run()))
        thread.start()
        thread.join(ENDED_SECONDS)
    assert ended == [False]
    lines = [line for line in told if line["log_level"] == "critical"]
    assert lines == [{**critical, "log_level": "critical"}]
    if also is not None:
        assert [line["event"] for line in told if line.get("exc_info")] == [also]


def test_a_worker_that_was_told_to_stop_says_nothing_of_the_kind(worker: Worker) -> None:
    ended: list[bool] = []
    with capture_logs() as told:
        thread = threading.Thread(target=lambda: ended.append(worker.run()))
        thread.start()
        wait_until(worker.keeper.can_extend, timeout=10, describe="the keeper")
        worker.stop()
        thread.join(ENDED_SECONDS)
    assert ended == [True]
    assert [line for line in told if line["log_level"] in ("critical", "error", "warning")] == []


def test_an_outage_of_the_database_is_logged_and_waited_out(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> int:
        raise errors.DatabaseUnavailable("no server there")

    monkeypatch.setattr(worker, "run_once", away)
    monkeypatch.setattr(worker._claiming, "release_unanswered", away)
    with capture_logs() as told:
        assert worker._try_to_claim() == 0
        worker._release_unanswered(float("inf"))
    assert (
        told
        == [{"event": "claim.postponed", "log_level": "warning", "reason": "no server there"}] * 2
    )
